import JSON
import Testing

@testable import Sandbox

@Suite("The state of a run")
struct RunStateTests {
    private let start = ContinuousClock.now

    private func state(_ change: (inout SandboxLimits) -> Void = { _ in }) -> RunState {
        var limits = SandboxLimits()
        change(&limits)
        return RunState(limits: limits, now: self.start)
    }

    private func at(_ seconds: Double) -> RunState.Instant { self.start.advanced(by: .seconds(seconds)) }

    private func code(of state: RunState) -> SandboxError.Code? {
        if case .failed(let code, _) = state.ending { code } else { nil }
    }

    @Test("counts wall time only while no call is open")
    func wallTime() {
        var state = self.state { $0.wallTime = .seconds(10) }
        #expect(state.nextDeadline == self.at(10))
        _ = state.receive(.call(id: 1, path: "a", argument: nil), now: self.at(4))
        _ = state.receive(.call(id: 2, path: "a", argument: nil), now: self.at(5))
        #expect(state.isWaiting)
        #expect(state.nextDeadline == self.at(3600))
        _ = state.tick(now: self.at(500))
        #expect(state.ending == nil)
        #expect(state.answer(1, now: self.at(600)) == .seconds(600))
        #expect(state.isWaiting)
        #expect(state.answer(2, now: self.at(1000)) == .seconds(1000))
        #expect(!state.isWaiting)
        #expect(state.nextDeadline == self.at(1006))
        _ = state.tick(now: self.at(1005.9))
        #expect(state.ending == nil)
        _ = state.tick(now: self.at(1006))
        #expect(self.code(of: state) == .wallLimit)
        #expect(state.nextDeadline == nil)
    }

    @Test("ends at the absolute limit, whatever is open")
    func absoluteTime() {
        var state = self.state { $0.absoluteTime = .seconds(100) }
        _ = state.receive(.call(id: 1, path: "a", argument: nil), now: self.at(1))
        #expect(state.nextDeadline == self.at(100))
        _ = state.tick(now: self.at(100))
        #expect(self.code(of: state) == .wallLimit)
        #expect(state.answer(1, now: self.at(101)) == nil)
    }

    @Test("wakes the program when it asked to be, in order, and not when it changed its mind")
    func wakeUps() {
        var state = self.state()
        _ = state.receive(.askWakeUp(id: 1, due: .seconds(3)), now: self.at(0))
        _ = state.receive(.askWakeUp(id: 2, due: .seconds(1)), now: self.at(0))
        _ = state.receive(.askWakeUp(id: 3, due: .seconds(2)), now: self.at(0))
        _ = state.receive(.cancelWakeUp(id: 3), now: self.at(0))
        _ = state.receive(.cancelWakeUp(id: 9), now: self.at(0))
        #expect(state.nextDeadline == self.at(1))
        #expect(state.tick(now: self.at(0.5)) == (0, .seconds(0.5)))
        #expect(state.tick(now: self.at(1)) == (1, .seconds(1)))
        #expect(state.isWaiting)
        #expect(state.nextDeadline == self.at(3))
        #expect(state.tick(now: self.at(4)) == (1, .seconds(4)))
        #expect(!state.isWaiting)
        _ = state.receive(.askWakeUp(id: 4, due: .seconds(9)), now: self.at(4))
        _ = state.receive(.askWakeUp(id: 4, due: .seconds(9)), now: self.at(4))
        #expect(self.code(of: state) == .violation)
    }

    @Test("takes calls by number, and the first end it is told")
    func order() {
        var state = self.state()
        _ = state.receive(.call(id: 2, path: "a", argument: nil), now: self.start)
        #expect(self.code(of: state) == .violation)
        var other = self.state()
        _ = other.receive(.returned(nil), now: self.start)
        other.end(.cancelled, "")
        other.processEnded(.lost("gone"), now: self.at(1))
        guard case .returned(nil) = other.ending else {
            Issue.record("it ended otherwise")
            return
        }
        #expect(other.output.elapsed == .seconds(1))
    }

    @Test("admits what fits into the budgets")
    func budgets() throws {
        var state = self.state { limits in
            limits.maxOutputBytes = 100
            limits.maxResultBytes = 80
            limits.maxArgumentBytes = 10
            limits.maxLogBytes = 30
        }
        try state.admit(.returned, length: 80)
        #expect(throws: FrameFault.self) { try state.admit(.returned, length: 81) }
        #expect(throws: FrameFault.self) { try state.admit(.emit, length: 101) }
        try state.admit(.call, length: 8 + Frame.maxPathBytes + 10)
        #expect(throws: FrameFault.self) { try state.admit(.call, length: 8 + Frame.maxPathBytes + 11) }
        #expect(throws: FrameFault.violation("a frame longer than its type allows")) { try state.admit(.neverSettles, length: 1) }
        _ = state.receive(.emit(JSONText(.string(String(repeating: "x", count: 48)))), now: self.start)
        try state.admit(.returned, length: 50)
        #expect(throws: FrameFault.self) { try state.admit(.returned, length: 51) }
        _ = state.receive(.log(SandboxLogLine(level: .log, text: String(repeating: "l", count: 30))), now: self.start)
        #expect(state.ending == nil)
        _ = state.receive(.log(SandboxLogLine(level: .log, text: "l")), now: self.start)
        #expect(self.code(of: state) == .outputLimit)
        #expect(state.output.logs.count == 1)
    }

    @Test("reads from the end of a process why it ended")
    func exits() {
        let cases: [(ChildStatus, SandboxError.Code)] = [
            (ChildStatus(raw: 27), .cpuLimit), (ChildStatus(raw: 24), .cpuLimit), (ChildStatus(raw: 31), .violation),
            (ChildStatus(raw: 11), .memoryLimit),
            (ChildStatus(raw: 5 | 0x80), .memoryLimit), (ChildStatus(raw: 6), .memoryLimit), (ChildStatus(raw: 74 << 8), .memoryLimit),
            (ChildStatus(raw: 71 << 8), .unavailable), (ChildStatus(raw: 0), .violation), (ChildStatus(raw: 70 << 8), .violation),
        ]
        for (status, code) in cases {
            var state = self.state()
            state.processEnded(.exited(status, cpuTime: .seconds(1), peakMemory: 5), now: self.at(2))
            #expect(self.code(of: state) == code, "\(status)")
            #expect(state.output.cpuTime == .seconds(1))
        }
    }

    @Test("keeps its counts right whatever happens in whatever order", arguments: 0..<200)
    func randomEvents(seed: UInt64) {
        var random = SplitMix(state: seed)
        var state = self.state { limits in
            limits.maxConcurrentCalls = 4
            limits.maxCalls = 40
            limits.maxTimers = 4
        }
        var open: Set<UInt32> = []
        var calls: UInt32 = 0
        var wakeUps: UInt32 = 0
        var time = 0.0
        for _ in 0..<200 {
            time += Double(random.next() % 100) / 1000
            let wasOver = state.ending != nil
            switch random.next() % 5 {
            case 0:
                calls += 1
                if case .call(let call) = state.receive(.call(id: calls, path: "x", argument: nil), now: self.at(time)) {
                    open.insert(call.id)
                }
            case 1:
                guard let call = open.randomElement(using: &random) else { continue }
                open.remove(call)
                if state.answer(call, now: self.at(time)) != nil {
                    state.wasWritten(.reject(call: call, name: "", message: ""))
                }
            case 2:
                wakeUps += 1
                _ = state.receive(.askWakeUp(id: wakeUps, due: .seconds(time + 0.1)), now: self.at(time))
            case 3:
                for _ in 0..<state.tick(now: self.at(time)).wakeUps { state.wasWritten(.wakeUp) }
            default:
                _ = state.receive(.cancelWakeUp(id: UInt32(random.next() % UInt64(wakeUps + 1))), now: self.at(time))
            }
            if wasOver { #expect(state.ending != nil) }
            if state.ending == nil { #expect(open.count <= 4 && state.nextDeadline != nil) }
            #expect(state.output.callCount <= 40)
        }
    }
}

/// A generator whose sequences can be repeated.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var z = self.state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
