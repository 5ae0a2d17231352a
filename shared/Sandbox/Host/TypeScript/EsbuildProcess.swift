import NIOCore
import NIOPosix
import Synchronization

/// One esbuild process in its service mode: many requests at once over one socket.
///
/// It runs without rights and with an empty environment, and it ends when its socket does, so it cannot outlive its service.
final class EsbuildProcess: Sendable {
    /// How a request ended.
    enum Reply: Sendable {
        case value(EsbuildValue)
        /// The process died, of this request or of another.
        case died
        case timedOut
        case cancelled
    }

    /// Why the process could not be used at all.
    struct StartFailure: Error {
        let message: String
    }

    private struct State {
        var isRunning = true
        var lastID: UInt32 = 0
        var pending: [UInt32: OneShot<Reply>] = [:]
    }

    private typealias Stream = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    let process: WorkerProcess
    private let channel: Stream
    private let eventLoop: any EventLoop
    private let outgoing: AsyncStream<ByteBuffer>
    private let queue: AsyncStream<ByteBuffer>.Continuation
    private let version: String
    private let state = Mutex(State())
    private let ready = OneShot<Bool>()
    private let ended = OneShot<Void>()

    /// Starts the process. ``serve()`` must be called, once.
    init(configuration: SandboxConfiguration, version: String, maxPacketBytes: Int, eventLoop: any EventLoop) async throws {
        let (process, socket) = try Self.launch(["--service=\(version)"], configuration: configuration)
        self.process = process
        self.eventLoop = eventLoop
        self.version = version
        // One request for each run that is admitted at most.
        (self.outgoing, self.queue) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(configuration.maxRuns))
        do {
            self.channel = try await ClientBootstrap(group: eventLoop).withConnectedSocket(socket) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        ByteToMessageHandler(EsbuildPacketDecoder(maxPacketBytes: maxPacketBytes)))
                    return try Stream(wrappingChannelSynchronously: channel)
                }
            }
        } catch {
            await process.reap()
            throw error
        }
    }

    /// Asks the executable for its version: its service mode speaks only with a client that names the same.
    static func version(configuration: SandboxConfiguration, eventLoop: any EventLoop) async throws -> String {
        let (process, socket) = try self.launch(["--version"], configuration: configuration)
        let timeout = eventLoop.scheduleTask(in: TimeAmount(configuration.startTimeout)) { process.kill() }
        var text = ""
        do {
            let channel = try await ClientBootstrap(group: eventLoop).withConnectedSocket(socket) { channel in
                channel.eventLoop.makeCompletedFuture { try Stream(wrappingChannelSynchronously: channel) }
            }
            text = try await channel.executeThenClose { output, _ in
                var bytes = ByteBuffer()
                for try await var part in output where bytes.readableBytes < 64 { bytes.writeBuffer(&part) }
                return String(buffer: bytes)
            }
        } catch {
            // Nothing was read, which is told below.
        }
        timeout.cancel()
        await process.reap()
        let version = text.prefix { $0.isNumber || $0 == "." }
        guard !version.isEmpty else {
            throw StartFailure(message: "\(configuration.esbuildPath) --version did not answer with a version")
        }
        return String(version)
    }

    /// Carries requests and responses until the process is gone or the task is cancelled; afterwards nothing of it is left.
    func serve() async {
        do {
            try await self.channel.executeThenClose { packets, writer in
                try await withThrowingDiscardingTaskGroup { group in
                    group.addTask { for await packet in self.outgoing { try await writer.write(packet) } }
                    for try await packet in packets { try self.receive(packet) }
                    group.cancelAll()
                }
            }
        } catch {
            // Whatever it was, the process is of no more use.
        }
        self.queue.finish()
        let pending = self.state.withLock { state in
            defer {
                state.isRunning = false
                state.pending = [:]
            }
            return state.pending.values
        }
        for reply in pending { reply.resolve(.died) }
        self.ready.resolve(false)
        self.ended.resolve(())
        await self.process.reap()
    }

    /// Waits until it has told its version; false when that is wrong, when it went away, or when time is up.
    func waitUntilReady(atMost patience: Duration) async -> Bool {
        let timeout = self.eventLoop.scheduleTask(in: TimeAmount(patience)) { _ = self.ready.resolve(false) }
        defer { timeout.cancel() }
        return await withTaskCancellationHandler {
            await self.ready.value()
        } onCancel: {
            self.ready.resolve(false)
        }
    }

    /// Waits until it is gone, or the task is cancelled.
    func waitForEnd() async {
        await withTaskCancellationHandler {
            await self.ended.value()
        } onCancel: {
            self.ended.resolve(())
        }
    }

    /// Kills it; requests under way are told.
    func kill() { self.process.kill() }

    /// Sends one request and waits for its response.
    func request(_ value: EsbuildValue, timeout: Duration) async -> Reply {
        let reply = OneShot<Reply>()
        let id = self.state.withLock { state -> UInt32? in
            guard state.isRunning else { return nil }
            // 31 bits are left for it.
            state.lastID = (state.lastID + 1) & 0x7fff_ffff
            state.pending[state.lastID] = reply
            return state.lastID
        }
        guard let id else { return .died }
        if case .enqueued = self.queue.yield(EsbuildPacket(id: id, isResponse: false, value: value).encoded) {
        } else {
            reply.resolve(.died)
        }
        let deadline = self.eventLoop.scheduleTask(in: TimeAmount(timeout)) { _ = reply.resolve(.timedOut) }
        defer { deadline.cancel() }
        let result = await withTaskCancellationHandler {
            await reply.value()
        } onCancel: {
            reply.resolve(.cancelled)
        }
        self.state.withLock { _ = $0.pending.removeValue(forKey: id) }
        return result
    }

    private static func launch(
        _ arguments: [String], configuration: SandboxConfiguration
    ) throws(SandboxError) -> (process: WorkerProcess, socket: CInt) {
        try WorkerProcess.start(
            configuration.workerPath, arguments: ["become", configuration.esbuildPath] + arguments, environment: [],
            attachment: .standardStreams, packets: false)
    }

    private func receive(_ packet: ByteBuffer) throws {
        if self.ready.resolve(String(buffer: packet) == self.version) { return }
        let packet = try EsbuildPacket(parsing: packet)
        guard packet.isResponse else { return }
        // A response to a request that nobody waits for any more is dropped.
        let reply = self.state.withLock { $0.pending.removeValue(forKey: packet.id) }
        reply?.resolve(.value(packet.value))
    }
}
