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
    /// address space; the other options of the engine leave it with one thread and without executable memory. `SWIFT_BACKTRACE` keeps
    /// Swift's crash handler from starting a thread in a child that dies of its memory limit, which would look like an attack.
    /// `LD_BIND_NOW` has symbols looked up once, here, and not in every child (3 % of a short run).
    static let environment = [
        "Malloc=1", "GIGACAGE_ENABLED=0", "JSC_useJIT=0", "JSC_useConcurrentGC=0", "JSC_numberOfGCMarkers=1", "JSC_useWasm=0", "TZ=UTC",
        "LC_ALL=C.UTF-8", "SWIFT_BACKTRACE=enable=no", "LD_BIND_NOW=1",
    ]

    /// What becomes of an order to fork.
    enum Fork {
        case made(ZygoteChild)
        /// It takes no more orders, and never will again.
        case gone
        /// It has more orders to read than fit into its socket.
        case busy
    }

    private struct Child {
        let exit: OneShot<ChildExit>
        /// Set from the first order to kill it on: replaces a zygote that does not report its end.
        var watch: Scheduled<Void>?
    }

    /// How soon an order to kill is repeated that did not fit into the socket.
    private static let pauseWhileBusy = TimeAmount.milliseconds(5)

    private struct State {
        /// For orders, and a descriptor of its own: the one that is read belongs to its channel, which may close it at any moment. Nil
        /// when no orders can be given any more.
        var control: CInt?
        var isRetired = false
        var lastRun: UInt32 = 0
        var children: [UInt32: Child] = [:]
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
    ///
    /// - Throws: ``SandboxError`` when this process has no descriptor left for the child's channel.
    func fork(_ limits: SandboxLimits) throws(SandboxError) -> Fork {
        var pair: [CInt] = [-1, -1]
        let pairError = sandbox_socketpair(0, &pair)
        guard pairError == 0 else {
            throw SandboxError(.unavailable, "No channel for the program's process: \(String(cString: strerror(pairError))).")
        }
        let (hostEnd, childEnd) = (pair[0], pair[1])
        defer { close(childEnd) }
        let cLimits = sandbox_limits(
            memory_bytes: UInt64(limits.memory), cpu_milliseconds: UInt32(clamping: Int64(limits.cpuTime / .milliseconds(1))))
        let exit = OneShot<ChildExit>()
        let (run, error) = self.state.withLock { state -> (UInt32, Int32) in
            guard let control = state.control, !state.isRetired else { return (0, EPIPE) }
            state.lastRun += 1
            let error = sandbox_send_order(control, UInt32(SANDBOX_FORK), state.lastRun, cLimits, childEnd)
            if error == 0 { state.children[state.lastRun] = Child(exit: exit) }
            return (state.lastRun, error)
        }
        guard error == 0 else {
            close(hostEnd)
            return Self.isBusy(error) ? .busy : .gone
        }
        if Int(run) >= self.maxRuns { self.worn.resolve(()) }
        return .made(ZygoteChild(zygote: self, run: run, socket: hostEnd, exit: exit))
    }

    /// Has a child killed, once however often it is asked to. A zygote that does not report the end of a killed child in time is killed
    /// itself.
    func kill(_ run: UInt32) {
        self.state.withLock { state in
            guard let control = state.control, let child = state.children[run], child.watch == nil else { return }
            state.children[run]?.watch = self.eventLoop.scheduleTask(in: TimeAmount(self.reapTimeout)) { [weak self] in
                guard let self, self.state.withLock({ $0.children[run] != nil }) else { return }
                self.logger.error("the zygote did not report the end of a killed child; replacing it")
                self.killProcess()
            }
            self.orderKill(run, control)
        }
    }

    /// Under the lock. Other failures than a full socket mean that the zygote is gone, and the child with it.
    private func orderKill(_ run: UInt32, _ control: CInt) {
        guard Self.isBusy(sandbox_send_order(control, UInt32(SANDBOX_KILL), run, sandbox_limits(), -1)) else { return }
        self.eventLoop.scheduleTask(in: Self.pauseWhileBusy) { [weak self] in
            guard let self else { return }
            self.state.withLock { state in
                guard let control = state.control, state.children[run] != nil else { return }
                self.orderKill(run, control)
            }
        }
    }

    private static func isBusy(_ error: Int32) -> Bool { error == EAGAIN || error == ENOBUFS || error == ENOMEM }

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
        case SANDBOX_NOT_FORKED:
            self.finish(event.run, .lost("The program's process could not be made: \(String(cString: strerror(event.status)))."))
        case SANDBOX_EXITED:
            self.finish(
                event.run,
                .exited(
                    ChildStatus(raw: event.status), cpuTime: .microseconds(Int64(clamping: event.cpu_microseconds)),
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
        child?.watch?.cancel()
        child?.exit.resolve(exit)
        if isDone { self.killProcess() }
    }

    /// The end of the process ends the control socket, and with it ``serve()``.
    private func killProcess() { self.process.kill() }

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
        for child in children.values {
            child.watch?.cancel()
            child.exit.resolve(.lost(reason))
        }
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
