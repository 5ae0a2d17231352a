import CSandbox
import Glibc

/// One run in its locked-down process: frames in, JavaScript, frames out.
struct ChildRun {
    /// How long a program waits before its process gives memory back. A shorter call would pay for the collection without any gain.
    private static let pauseBeforeCollecting: Int32 = 1500
    /// How much the heap must have grown for that. Collecting touches pages that were shared with the zygote (0.4 MB), so a small heap
    /// would grow by it.
    private static let growthWorthCollecting: UInt64 = 2 << 20

    private let engine: JavaScriptEngine
    private let heapAtFork: UInt64

    /// Takes the engine that the zygote made, and what its heap had handed out: measuring it takes 0.2 ms, which each child would pay.
    init(engine: JavaScriptEngine, heapAtFork: UInt64) {
        self.engine = engine
        self.heapAtFork = heapAtFork
    }

    /// Runs the program that comes as the first frame; leaves with the process.
    func serve() -> Never {
        self.begin()
        while true {
            switch self.engine.state {
            case .ended:
                FrameChannel.drain()
            case .neverSettles:
                FrameChannel.Outgoing().send(type: UInt8(SANDBOX_NEVER_SETTLES.rawValue))
                FrameChannel.drain()
            case .waits:
                self.waitForAnswer()
                self.deliver(FrameChannel.read())
            }
        }
    }

    private func begin() {
        var frame = FrameChannel.read()
        _ = frame.readUInt64()
        #if DEBUG
        if frame.type == SANDBOX_SELF_TEST.rawValue {
            let attack = frame.withRest { String(cString: $0) }
            SelfTest.run(attack)
        }
        #endif
        guard frame.type == SANDBOX_PROGRAM.rawValue else { _exit(Int32(SANDBOX_EXIT_CHANNEL)) }
        let seed = frame.readUInt64()
        let startTime = Int64(bitPattern: frame.readUInt64())
        frame.withRest { self.engine.begin(program: $0, startTime: Double(startTime), seed: seed) }
    }

    private func deliver(_ frame: consuming FrameChannel.Incoming) {
        var frame = frame
        let elapsed = Double(frame.readUInt64())
        switch frame.type {
        case SANDBOX_FULFILL.rawValue:
            let call = frame.readUInt32()
            let value = frame.withRest { self.engine.value(fromJSON: $0) }
            // The frame is gone by now: while the program goes on, a large answer takes its place once.
            self.engine.fulfil(elapsed: elapsed, call: call, value: value)
        case SANDBOX_REJECT.rawValue:
            let call = frame.readUInt32()
            let name = frame.readText(byteCount: Int(frame.readUInt32()))
            frame.withRest { self.engine.reject(elapsed: elapsed, call: call, name: name, message: $0) }
        case SANDBOX_WAKE_UP.rawValue:
            self.engine.wakeUp(elapsed: elapsed)
        default:
            _exit(Int32(SANDBOX_EXIT_CHANNEL))
        }
    }

    private func waitForAnswer() {
        guard !FrameChannel.waitForFrame(milliseconds: Self.pauseBeforeCollecting) else { return }
        guard sandbox_heap_size() > self.heapAtFork + Self.growthWorthCollecting else { return }
        self.engine.collectGarbage()
    }
}
