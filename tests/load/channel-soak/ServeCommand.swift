import ArgumentParser
import Channel
import Foundation
import Logging
import ServiceLifecycle
import UnixSignals

/// The server process of a soak.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "serve", shouldDisplay: false)

    @Option var port: Int

    func run() async throws {
        Parent.endWithIt()
        var logger = Logger(label: "channel-soak")
        logger.logLevel = .critical
        let server = try HTTP2ChannelServer(
            address: ChannelAddress(host: "127.0.0.1", port: self.port), handler: SoakHandler(), key: SoakKey.key,
            limits: SoakKey.limits, logger: logger)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(services: [server], gracefulShutdownSignals: [.sigterm], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            Output.print("listening \(try await server.address.port)")
            try await tasks.waitForAll()
        }
        Output.print(Tally(cpu: ProcessTime.microseconds).line)
    }
}

/// Answers what the driver asks.
struct SoakHandler: ChannelHandler {
    func respond(to request: ChannelRequest) async throws -> ChannelResponse {
        switch request.path {
        case "/sum":
            var checksum = Checksum()
            for try await chunk in request.body { checksum.add(chunk) }
            return ChannelResponse(status: 200, body: .text("\(request.headers["x-number"] ?? "") \(checksum.value)"))
        case "/echo":
            let body = request.body
            return ChannelResponse(
                status: 200,
                body: .stream { writer in
                    for try await chunk in body { try await writer.write(chunk) }
                })
        default:
            return ChannelResponse(
                status: 200,
                body: .stream { writer in
                    while true { try await writer.write([UInt8](repeating: 1, count: 5_000)) }
                })
        }
    }
}

/// What client and server of a soak have in common.
enum SoakKey {
    static let key = ChannelKey(bytes: Array("the shared key of the channel soak".utf8))

    static let limits: ChannelLimits = {
        var limits = ChannelLimits()
        limits.minBackoff = .milliseconds(5)
        limits.maxBackoff = .milliseconds(50)
        limits.drainTimeout = .seconds(5)
        return limits
    }()
}

/// The process that started this one.
enum Parent {
    /// Ends this process when the parent is gone: it holds the other end of standard input.
    static func endWithIt() {
        Thread.detachNewThread {
            while !FileHandle.standardInput.availableData.isEmpty {}
            exit(0)
        }
    }
}

/// Standard output without a buffer, so that what was said is known even after a kill.
enum Output {
    static func print(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }
}
