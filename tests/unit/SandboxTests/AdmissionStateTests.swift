import Testing

@testable import Sandbox

@Suite("Admission")
struct AdmissionStateTests {
    @Test("lets in as many as may compute, has others wait in order, and refuses what is too many")
    func order() {
        var state = AdmissionState(maxRunning: 2, maxSeats: 4, maxQueued: 2)
        #expect(state.enter(key: 1) == .admitted)
        #expect(state.enter(key: 2) == .admitted)
        #expect(state.enter(key: 3) == .queued)
        #expect(state.enter(key: 4) == .queued)
        #expect(state.enter(key: 5) == .refused)
        #expect(state.leave(isWaiting: false) == [3])
        #expect(state.giveUp(key: 4) == true)
        #expect(state.giveUp(key: 3) == false)
        #expect(state.leave(isWaiting: false).isEmpty)
        #expect(state.running == 1)
    }

    @Test("gives the place of a run that waits to another, and takes it back at once")
    func waiting() {
        var state = AdmissionState(maxRunning: 1, maxSeats: 3, maxQueued: 5)
        #expect(state.enter(key: 1) == .admitted)
        #expect(state.enter(key: 2) == .queued)
        #expect(state.setWaiting(true) == [2])
        #expect(state.setWaiting(true).isEmpty)
        #expect(state.enter(key: 3) == .admitted)
        #expect(state.enter(key: 4) == .refused)
        #expect(state.setWaiting(false).isEmpty)
        #expect(state.running == 2 && state.waiting == 1)
        #expect(state.leave(isWaiting: true).isEmpty)
        #expect(state.leave(isWaiting: false).isEmpty)
        #expect(state.enter(key: 5) == .queued)
        #expect(state.leave(isWaiting: false) == [5])
    }

    @Test("never has more than its bounds, and forgets nobody", arguments: 0..<100)
    func randomEvents(seed: UInt64) {
        var random = SplitMix(state: seed)
        var state = AdmissionState(maxRunning: 3, maxSeats: 6, maxQueued: 4)
        var seats: [Int: Bool] = [:]
        var queued: Set<Int> = []
        for key in 0..<500 {
            var admitted: [Int] = []
            switch random.next() % 4 {
            case 0, 1:
                switch state.enter(key: key) {
                case .admitted: seats[key] = false
                case .queued: queued.insert(key)
                case .refused: #expect(queued.count == 4 || seats.count >= 6)
                }
            case 2:
                guard let seat = seats.keys.randomElement(using: &random), let isWaiting = seats[seat] else { continue }
                seats[seat] = !isWaiting
                admitted = state.setWaiting(!isWaiting)
            default:
                guard let seat = seats.keys.randomElement(using: &random), let isWaiting = seats.removeValue(forKey: seat) else { continue }
                admitted = state.leave(isWaiting: isWaiting)
            }
            for key in admitted {
                #expect(queued.remove(key) != nil)
                seats[key] = false
            }
            #expect(seats.count <= 6 && queued.count <= 4 && state.queue.count == queued.count)
            #expect(state.running == seats.values.count { !$0 } && state.waiting == seats.values.count { $0 })
            if !queued.isEmpty { #expect(state.running >= 3 || seats.count == 6) }
        }
    }

    @Test("waits longer after each failure in a row, and not after it has worked")
    func backoff() {
        var backoff = Backoff()
        #expect(backoff.delay(afterLifetime: .zero) == .milliseconds(50))
        #expect(backoff.delay(afterLifetime: .zero) == .milliseconds(100))
        for _ in 0..<20 { _ = backoff.delay(afterLifetime: .seconds(1)) }
        #expect(backoff.delay(afterLifetime: .seconds(1)) == .seconds(5))
        #expect(backoff.delay(afterLifetime: .seconds(60)) == .milliseconds(50))
    }
}
