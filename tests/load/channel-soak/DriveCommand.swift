import ArgumentParser
import Channel
import Foundation
import Logging
import ServiceLifecycle
import UnixSignals

/// The client process of a soak.
struct DriveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "drive", shouldDisplay: false)

    @Option var port: Int
    @Option var requests: Int
    @Option var workers: Int
    @Flag var unaryOnly = false

    func run() async throws {
        Parent.endWithIt()
        var logger = Logger(label: "channel-soak")
        logger.logLevel = .critical
        let client = try HTTP2ChannelClient(
            address: ChannelAddress(host: "127.0.0.1", port: self.port), key: SoakKey.key, limits: SoakKey.limits, logger: logger)
        let board = Scoreboard(requests: self.requests)
        let driver = Driver(client: client, board: board, workers: self.workers, isUnaryOnly: self.unaryOnly)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(service: client), .init(service: driver, successTerminationBehavior: .gracefullyShutdownGroup),
                    .init(service: Reporter(board: board)),
                ],
                gracefulShutdownSignals: [.sigterm], logger: logger))
        try await group.run()
        Output.print("failures \(board.failures)")
        var tally = board.tally
        tally.cpu = ProcessTime.microseconds
        Output.print(tally.line)
        Output.print("done")
    }
}

/// Tells the parent how far this process is, and ends it when a request hangs.
struct Reporter: Service {
    let board: Scoreboard

    /// Longer than anything takes, deadlines, keepalive and a server's restart included.
    private static let patience = Duration.seconds(40)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: .milliseconds(100))) != nil {
                if self.board.countOverdue(after: Self.patience) > 0 {
                    Output.print(self.board.tally.line)
                    Output.print("done")
                    exit(1)
                }
                Output.print(self.board.tally.line)
            }
        }
    }
}

/// The workers, each of which sends one request after the other.
struct Driver: Service {
    let client: HTTP2ChannelClient
    let board: Scoreboard
    let workers: Int
    let isUnaryOnly: Bool

    func run() async throws {
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { group in
                for worker in 0..<self.workers {
                    group.addTask { await self.work(worker) }
                }
            }
        } onGracefulShutdown: {
            self.board.stop()
        }
    }

    private func work(_ worker: Int) async {
        while let number = self.board.begin(worker: worker) {
            let outcome: Outcome
            do throws(ChannelError) {
                outcome = try await self.send(number) ? .answered : .wrong
            } catch {
                // Every handler answers at once or streams, so a deadline that passes is an answer that got lost.
                outcome = error.code == .deadlineExceeded ? .lost : .failed(error.code.description)
                if error.isSafeToRetry { try? await Task.sleep(for: .milliseconds(10)) }
            }
            self.board.end(worker: worker, outcome)
        }
    }

    /// Sends one request; false when the answer is not the right one.
    private func send(_ number: Int) async throws(ChannelError) -> Bool {
        switch self.isUnaryOnly ? 0 : number % 100 {
        case 0..<86: try await self.sum(number)
        case 86..<93: try await self.echo(number)
        case 93..<97: try await self.leave(number)
        default: try await self.cancel(number)
        }
    }

    /// A small request and a small answer; every other one without a deadline, so that nothing but the channel can end it.
    private func sum(_ number: Int) async throws(ChannelError) -> Bool {
        var payload = Payload(request: number, count: number % 600)
        let bytes = payload.next(600)
        var checksum = Checksum()
        checksum.add(bytes)
        let request = ChannelRequest(
            method: "POST", path: "/sum", headers: ["x-number": "\(number)"], timeout: number % 2 == 0 ? .seconds(30) : nil,
            body: .bytes(bytes))
        let response = try await self.client.send(request)
        let body = try await response.body.collect(upTo: 1_000)
        return response.status == 200 && body == Array("\(number) \(checksum.value)".utf8)
    }

    /// A streamed body that comes back while it is sent.
    private func echo(_ number: Int) async throws(ChannelError) -> Bool {
        let count = (number &* 7_919) % 300_000
        let body = ChannelBody.stream { writer in
            var payload = Payload(request: number, count: count)
            while payload.left > 0 { try await writer.write(payload.next(10_000)) }
        }
        let response = try await self.client.send(
            ChannelRequest(method: "POST", path: "/echo", timeout: number % 2 == 0 ? .seconds(30) : nil, body: body))
        var received = Checksum()
        for try await chunk in response.body { received.add(chunk) }
        var payload = Payload(request: number, count: count)
        var expected = Checksum()
        expected.add(payload.next(count))
        return received == expected
    }

    /// Reads a little of an endless body and lets go of it.
    private func leave(_ number: Int) async throws(ChannelError) -> Bool {
        let response = try await self.client.send(ChannelRequest(method: "GET", path: "/endless"))
        var chunks = response.body.makeAsyncIterator()
        for _ in 0..<number % 5 where try await chunks.next() == nil { return false }
        return true
    }

    /// Cancels a task that reads an endless body.
    private func cancel(_ number: Int) async throws(ChannelError) -> Bool {
        let client = self.client
        let result = await withTaskGroup(of: Result<Void, ChannelError>.self) { group in
            let started = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
            group.addTask {
                defer { started.continuation.finish() }
                do throws(ChannelError) {
                    let response = try await client.send(ChannelRequest(method: "GET", path: "/endless"))
                    for try await _ in response.body { started.continuation.yield() }
                    return .success(())
                } catch {
                    return .failure(error)
                }
            }
            if number % 3 > 0 { for await _ in started.stream { break } }
            group.cancelAll()
            return await group.next() ?? .success(())
        }
        switch result {
        case .success: return false
        case .failure(let error) where error.code == .cancelled: return true
        case .failure(let error): throw error
        }
    }
}
