import CSandbox
import Logging
import NIOCore
import NIOPosix
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// One fork server: its process, its control socket, and its children.
///
/// Orders are sent from any thread; events are read by ``serve()``, which returns when the process is gone. A zygote that dies takes its
/// children with it, so every child that was waited for is then lost.
final class Zygote: Sendable {
    /// The complete environment of a worker: nothing is inherited. The engine and its allocator read it once, at their first allocation.
    /// `Malloc` takes the system's allocator, whose lack of a background thread makes forking sound; `GIGACAGE_ENABLED` saves 65 GB of
    /// address space; the rest leaves the engine with one thread and without executable memory.
    static let environment = [
        "Malloc=1", "GIGACAGE_ENABLED=0", "JSC_useJIT=0", "JSC_useConcurrentGC=0", "JSC_numberOfGCMarkers=1", "JSC_useWasm=0", "TZ=UTC",
        "LC_ALL=C.UTF-8",
    ]

    private struct State {
        /// For orders, and a descriptor of its own: the one that is read belongs to its channel, which may close it at any moment. Nil
        /// when no orders can be given any more.
        var control: CInt?
        var isRetired = false
        var lastRun: UInt32 = 0
        var children: [UInt32: OneShot<ChildExit>] = [:]
    }

    let process: WorkerProcess
    private let socket: CInt
    private let eventLoop: any EventLoop
    private let reapTimeout: Duration
    private let maxRuns: Int
    private let logger: Logger
    private let state: Mutex<State>
    private let ready = OneShot<Bool>()
    private let worn = OneShot<Void>()

    /// Starts the process. ``serve()`` must be called, once.
    init(configuration: SandboxConfiguration, eventLoop: any EventLoop, logger: Logger) throws(SandboxError) {
        let (process, socket) = try WorkerProcess.start(
            configuration.workerPath, arguments: ["zygote"], environment: Self.environment, attachment: .control, packets: true)
        let control = fcntl(socket, F_DUPFD_CLOEXEC, 0)
        self.process = process
        self.socket = socket
        self.eventLoop = eventLoop
        self.reapTimeout = configuration.reapTimeout
        self.maxRuns = configuration.zygoteMaxRuns
        self.logger = logger
        self.state = Mutex(State(control: control < 0 ? nil : control))
    }

    /// Reads events until the process is gone or the task is cancelled; afterwards no process and no descriptor is left.
    func serve() async {
        do {
            let channel = try await ClientBootstrap(group: self.eventLoop).withConnectedSocket(self.socket) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, Never>(wrappingChannelSynchronously: channel)
                }
            }
            try await channel.executeThenClose { events, _ in
                for try await var event in events { self.handle(&event) }
            }
        } catch {
            self.logger.debug("the zygote's control socket closed", metadata: ["error": "\(error)"])
        }
        self.abandon("The process that starts programs went away.")
        await self.process.reap()
    }

    /// Waits until it can fork; false when it went away before, or time is up.
    func waitUntilReady(atMost patience: Duration) async -> Bool {
        let timeout = self.eventLoop.scheduleTask(in: TimeAmount(patience)) { _ = self.ready.resolve(false) }
        defer { timeout.cancel() }
        return await withTaskCancellationHandler {
            await self.ready.value()
        } onCancel: {
            self.ready.resolve(false)
        }
    }

    /// Waits until it should be replaced: it is gone, has served long enough, or has served enough runs.
    func waitUntilWorn(lifetime: Duration) async {
        let timeout = self.eventLoop.scheduleTask(in: TimeAmount(lifetime)) { _ = self.worn.resolve(()) }
        defer { timeout.cancel() }
        await withTaskCancellationHandler {
            await self.worn.value()
        } onCancel: {
            self.worn.resolve(())
        }
    }

    /// Makes a child with the given limits.
    func fork(_ limits: SandboxLimits) throws(SandboxError) -> ZygoteChild {
        var pair: [CInt] = [-1, -1]
        let pairError = sandbox_socketpair(0, &pair)
        guard pairError == 0 else {
            throw SandboxError(.unavailable, "No channel for the program's process: \(String(cString: strerror(pairError))).")
        }
        defer { close(pair[1]) }
        let cLimits = sandbox_limits(
            memory_bytes: UInt64(limits.memory), cpu_milliseconds: UInt32(clamping: Int64(limits.cpuTime / .milliseconds(1))))
        let exit = OneShot<ChildExit>()
        let childEnd = pair[1]
        let (run, error) = self.state.withLock { state -> (UInt32, Int32) in
            guard let control = state.control, !state.isRetired else { return (0, EPIPE) }
            state.lastRun += 1
            state.children[state.lastRun] = exit
            let error = sandbox_send_order(control, UInt32(SANDBOX_FORK), state.lastRun, cLimits, childEnd)
            if error != 0 { state.children[state.lastRun] = nil }
            return (state.lastRun, error)
        }
        guard error == 0 else {
            close(pair[0])
            throw SandboxError(.unavailable, "The process that starts programs does not answer: \(String(cString: strerror(error))).")
        }
        if Int(run) >= self.maxRuns { self.worn.resolve(()) }
        return ZygoteChild(zygote: self, run: run, socket: pair[0], exit: exit)
    }

    /// Has a child killed. A zygote that does not report the end of a killed child in time is killed itself.
    func kill(_ run: UInt32) {
        let isGone = self.state.withLock { state in
            guard let control = state.control, state.children[run] != nil else { return true }
            return sandbox_send_order(control, UInt32(SANDBOX_KILL), run, sandbox_limits(), -1) == EPIPE
        }
        guard !isGone else { return }
        self.eventLoop.scheduleTask(in: TimeAmount(self.reapTimeout)) { [weak self] in
            guard let self, self.state.withLock({ $0.children[run] != nil }) else { return }
            self.logger.error("the zygote did not report the end of a killed child; replacing it")
            self.killProcess()
        }
    }

    /// Takes no more orders to fork, and ends when its last child has.
    func retire() {
        let isIdle = self.state.withLock { state in
            state.isRetired = true
            return state.children.isEmpty
        }
        if isIdle { self.killProcess() }
    }

    /// Kills it, and with it its children.
    func abort() { self.killProcess() }

    /// Whether it is gone.
    var hasDied: Bool { self.state.withLock { $0.control == nil } }

    private func handle(_ bytes: inout ByteBuffer) {
        // A sequenced-packet socket keeps its messages whole, and NIO reads one at a time.
        guard bytes.readableBytes == MemoryLayout<sandbox_event>.size else { return self.killProcess() }
        let event = bytes.withUnsafeReadableBytes { $0.loadUnaligned(as: sandbox_event.self) }
        switch Int(event.kind) {
        case SANDBOX_READY:
            self.ready.resolve(true)
        case SANDBOX_FORKED where event.pid < 0:
            self.finish(event.run, .lost("The program's process could not be made: \(String(cString: strerror(-event.pid)))."))
        case SANDBOX_FORKED:
            break
        case SANDBOX_EXITED:
            self.finish(
                event.run,
                .exited(
                    ExitStatus(raw: event.status), cpuTime: .microseconds(Int64(clamping: event.cpu_microseconds)),
                    peakMemory: Int(clamping: event.peak_bytes)))
        default:
            self.killProcess()
        }
    }

    private func finish(_ run: UInt32, _ exit: ChildExit) {
        let (child, isDone) = self.state.withLock { state in
            let child = state.children.removeValue(forKey: run)
            return (child, state.isRetired && state.children.isEmpty)
        }
        child?.resolve(exit)
        if isDone { self.killProcess() }
    }

    /// The end of the process ends the control socket, and with it ``serve()``.
    private func killProcess() {
        // Under the lock, so that the process cannot have been reaped and its number given away: that comes after ``abandon(_:)``.
        self.state.withLock { state in
            if state.control != nil { self.process.kill() }
        }
    }

    private func abandon(_ reason: String) {
        let (control, children) = self.state.withLock { state in
            defer {
                state.control = nil
                state.children = [:]
            }
            return (state.control, state.children)
        }
        if let control { close(control) }
        self.ready.resolve(false)
        self.worn.resolve(())
        for child in children.values { child.resolve(.lost(reason)) }
    }
}

/// One child of a zygote, from the order to make it until its end is known.
struct ZygoteChild: Sendable {
    fileprivate let zygote: Zygote
    fileprivate let run: UInt32
    /// The host's end of its channel, owned by whoever holds this value.
    let socket: CInt
    fileprivate let exit: OneShot<ChildExit>

    fileprivate init(zygote: Zygote, run: UInt32, socket: CInt, exit: OneShot<ChildExit>) {
        self.zygote = zygote
        self.run = run
        self.socket = socket
        self.exit = exit
    }

    /// Has it killed; once it is gone this does nothing.
    func kill() { self.zygote.kill(self.run) }

    /// Waits until it is gone, even in a cancelled task: after ``kill()`` that is a matter of milliseconds. At most one task may wait.
    func waitForExit() async -> ChildExit { await self.exit.value() }
}
