import Logging
import Model
import Store
import TestSupport
import Testing

@testable import Identity

@Suite("Keys that nobody knows wait for their turn", .timeLimit(.minutes(1)))
struct LookUpGateTests {
    private let keys = KeyTable()
    private let time = ManualTime()
    private let key = APIKeyText()
    private let principal = Principal.key(.agent)

    init() { self.keys.add(self.key, .principal(self.principal)) }

    private func authenticator(_ limits: IdentityLimits) -> Authenticator {
        Authenticator(
            keys: self.keys, limits: limits, time: self.time.source, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func outcome(_ authenticator: Authenticator, _ key: APIKeyText) async -> IdentityError.Code? {
        await failure { () async throws(IdentityError) in try await authenticator.authenticate(bearer: key.secret.reveal()) }?.code
    }

    @Test("However many come, only so many are looked up at once, all get their answer, and a known key does not wait for them")
    func strangers() async throws {
        var limits = IdentityLimits()
        limits.maxLookUps = 2
        limits.lookUpWait = .seconds(3600)
        let authenticator = self.authenticator(limits)
        #expect(await self.outcome(authenticator, self.key) == nil)
        let gate = Gate()
        self.keys.holdStrangers(at: gate)
        await withTaskGroup(of: IdentityError.Code?.self) { group in
            for _ in 0..<50 { group.addTask { await self.outcome(authenticator, APIKeyText()) } }
            await gate.waitForVisitor()
            for _ in 0..<3 {
                // Not remembered any more, so that it has to be looked up again.
                self.time.advance(by: .milliseconds(500))
                #expect(await self.outcome(authenticator, self.key) == nil)
            }
            gate.open()
            for await code in group { #expect(code == .credentialsInvalid) }
        }
        #expect(self.keys.mostStrangers <= 2)
        #expect(self.keys.lookUps == 54)
        // One that was not seen for long is a stranger like any other, and comes in when there is room.
        self.time.advance(by: .seconds(61))
        #expect(await self.outcome(authenticator, self.key) == nil)
    }

    @Test("Who finds too many in the line is told to come again, and so is who waits too long; neither costs a look-up")
    func bounds() async throws {
        for isLineFull in [true, false] {
            var limits = IdentityLimits()
            limits.maxLookUps = 1
            limits.maxWaitingLookUps = isLineFull ? 0 : 1000
            limits.lookUpWait = isLineFull ? .seconds(3600) : .milliseconds(1)
            let authenticator = self.authenticator(limits)
            let (gate, before) = (Gate(), self.keys.lookUps)
            self.keys.holdStrangers(at: gate)
            async let first = self.outcome(authenticator, APIKeyText())
            await gate.waitForVisitor()
            #expect(await self.outcome(authenticator, APIKeyText()) == .unavailable)
            gate.open()
            #expect(await first == .credentialsInvalid)
            #expect(self.keys.lookUps == before + 1)
            #expect(await self.outcome(authenticator, self.key) == nil)
        }
    }

    @Test("Requests that come together with the same new key cost one look-up")
    func sameKey() async throws {
        var limits = IdentityLimits()
        limits.maxLookUps = 1
        limits.lookUpWait = .seconds(3600)
        let authenticator = self.authenticator(limits)
        let gate = Gate()
        self.keys.holdStrangers(at: gate)
        await withTaskGroup(of: IdentityError.Code?.self) { group in
            group.addTask { await self.outcome(authenticator, APIKeyText()) }
            await gate.waitForVisitor()
            for _ in 0..<20 { group.addTask { await self.outcome(authenticator, self.key) } }
            gate.open()
            var good = 0
            for await code in group where code == nil { good += 1 }
            #expect(good == 20)
        }
        #expect(self.keys.lookUps == 2)
    }

    @Test("A turn goes to who waited longest, and one that was given up is not lost")
    func order() async throws {
        let gate = LookUpGate(width: 1, maxWaiting: 10, wait: .seconds(3600))
        #expect(await gate.enter())
        let order = Recorder<Int>()
        var tasks: [Task<Bool, Never>] = []
        for number in 0..<4 {
            tasks.append(
                Task {
                    guard await gate.enter() else { return false }
                    order.record(number)
                    gate.leave()
                    return true
                })
            while gate.waitingCount <= number { await Task.yield() }
        }
        tasks[1].cancel()
        #expect(await tasks[1].value == false)
        gate.leave()
        for number in [0, 2, 3] { #expect(await tasks[number].value) }
        #expect(order.elements == [0, 2, 3])
        #expect(await gate.enter())
        #expect(gate.waitingCount == 0)
    }
}
