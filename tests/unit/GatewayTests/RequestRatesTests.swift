import Identity
import Model
import Synchronization
import Testing

@testable import Gateway

@Suite struct RequestRatesTests {
    private final class Time: Sendable {
        let now = Mutex(Duration.zero)
    }

    private let time = Time()

    private func rates(_ change: (inout RequestRates.Limits) -> Void) -> RequestRates {
        var limits = RequestRates.Limits()
        (limits.key, limits.account, limits.organization) = (nil, nil, nil)
        change(&limits)
        return RequestRates(limits) { [time] in time.now.withLock { $0 } }
    }

    private func pass(_ duration: Duration) { self.time.now.withLock { $0 += duration } }

    private func caller(
        _ organization: OrganizationID = OrganizationID(), account: AccountID = AccountID(), key: APIKeyID = APIKeyID(),
        role: Principal.Role = .agent
    ) -> Caller {
        .principal(Principal(organization: organization, account: account, role: role, method: .apiKey(key)))
    }

    @Test("a burst is let through, then as many as the rate allows, and a refusal says when there is room")
    func burst() {
        let rates = self.rates { $0.key = 10 }
        let caller = self.caller()
        // 2 s at 10 a second.
        for _ in 0..<20 { #expect(rates.refusal(of: caller) == nil) }
        #expect(rates.refusal(of: caller) == .milliseconds(100))
        #expect(rates.refusal(of: caller) == .milliseconds(100), "a refusal takes nothing")
        self.pass(.milliseconds(100))
        #expect(rates.refusal(of: caller) == nil)
        #expect(rates.refusal(of: caller) != nil)
        self.pass(.seconds(60))
        for _ in 0..<20 { #expect(rates.refusal(of: caller) == nil) }
        #expect(rates.refusal(of: caller) != nil, "nothing is saved up beyond the burst")
    }

    @Test("accounts are counted over all their keys, organizations over all their accounts, and nobody over others")
    func holders() {
        let (organization, account) = (OrganizationID(), AccountID())
        let rates = self.rates { ($0.account, $0.organization, $0.burst) = (1, 2, .seconds(1)) }
        #expect(rates.refusal(of: self.caller(organization, account: account)) == nil)
        #expect(rates.refusal(of: self.caller(organization, account: account)) == .seconds(1), "another key of the account")
        #expect(rates.refusal(of: self.caller(organization)) == nil)
        #expect(rates.refusal(of: self.caller(organization)) == .milliseconds(500), "a third account of the organization")
        #expect(rates.refusal(of: self.caller()) == nil)
    }

    @Test("agents that spend their organization's allowance do not keep its admins away")
    func admins() {
        let organization = OrganizationID()
        let rates = self.rates { ($0.organization, $0.burst) = (1, .seconds(1)) }
        #expect(rates.refusal(of: self.caller(organization)) == nil)
        #expect(rates.refusal(of: self.caller(organization)) != nil)
        #expect(rates.refusal(of: self.caller(organization, role: .admin)) == nil)
    }

    @Test("one request fits however short the burst is")
    func shortBurst() {
        let rates = self.rates { ($0.key, $0.burst) = (1, .milliseconds(1)) }
        let caller = self.caller()
        #expect(rates.refusal(of: caller) == nil)
        #expect(rates.refusal(of: caller) == .seconds(1))
        self.pass(.seconds(1))
        #expect(rates.refusal(of: caller) == nil)
    }

    @Test("without limits nothing is counted; the installation's key has the rate of a key")
    func none() {
        let none = self.rates { _ in }
        for _ in 0..<10_000 { #expect(none.refusal(of: self.caller()) == nil) }
        #expect(none.count == 0)
        let rates = self.rates { ($0.key, $0.burst) = (1, .seconds(1)) }
        let key = APIKeyID()
        #expect(rates.refusal(of: .installation(key)) == nil)
        #expect(rates.refusal(of: .installation(key)) == .seconds(1))
    }

    @Test("no more holders are remembered than may be, and those who spent most stay")
    func bounded() {
        let rates = self.rates { ($0.key, $0.burst, $0.maxHolders) = (1, .seconds(2), 10) }
        let spent = self.caller()
        for _ in 0..<2 { #expect(rates.refusal(of: spent) == nil) }
        for _ in 0..<1000 {
            #expect(rates.refusal(of: self.caller()) == nil)
            #expect(rates.count <= 10)
        }
        #expect(rates.refusal(of: spent) != nil)
        self.pass(.seconds(3))
        for _ in 0..<8 { _ = rates.refusal(of: self.caller()) }
        #expect(rates.refusal(of: spent) == nil)
    }
}
