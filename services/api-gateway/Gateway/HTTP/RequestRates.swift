import Identity
import Installation
import Model
import Synchronization

/// How often a key, an account and an organization may ask, counted by this process alone: with several gateways behind a balancer the
/// installation lets through up to as many times that.
///
/// Each holder has an allowance that fills at its rate and holds what comes in `burst`: the generic cell rate algorithm (ITU-T I.371),
/// one number for each holder. A refused request takes nothing from anybody's allowance. Those who have not asked for that long are
/// forgotten, since they are as good as unknown.
final class RequestRates: Sendable {
    /// Requests per second; nil where they are not counted. Configuration keys (`roost.gateway.<name>`) in parentheses.
    struct Limits: Sendable, Hashable {
        /// Of one API key (`key_rate`, 1000). Who signs in with a token is counted as the account alone.
        var key: Int? = 1000
        /// Of one account, whichever keys it uses (`account_rate`, 1000).
        var account: Int? = 1000
        /// Of one organization but its admins (`organization_rate`, 5000).
        var organization: Int? = 5000
        /// How long one may ask as often as one likes what the rate allows in that time (`rate_burst`, 2 s).
        var burst: Duration = .seconds(2)
        /// Holders that are remembered at once; beyond it those whose allowance is most nearly full start anew.
        var maxHolders = 100_000
    }

    /// Who has an allowance.
    private enum Holder: Hashable {
        case key(APIKeyID)
        case account(Principal.Owner)
        case organization(OrganizationID)
    }

    private let limits: Limits
    private let now: @Sendable () -> Duration
    /// When each holder's allowance is full again.
    private let full = Mutex<[Holder: Duration]>([:])

    /// - Parameter now: A monotonic clock, from any fixed instant.
    init(_ limits: Limits, now: @escaping @Sendable () -> Duration) {
        self.limits = limits
        self.now = now
    }

    convenience init(_ limits: Limits) {
        let start = ContinuousClock.now
        self.init(limits) { start.duration(to: .now) }
    }

    /// How many holders are remembered.
    var count: Int { self.full.withLock(\.count) }

    /// Counts a request; when it is one too many, gives after how long there is room for it, and counts nothing.
    func refusal(of caller: Caller) -> Duration? {
        let holders = self.holders(of: caller)
        guard !holders.isEmpty else { return nil }
        let now = self.now()
        return self.full.withLock { full in
            var wait = Duration.zero
            // When each allowance will be full again once this request has taken its part.
            let filled = holders.map { holder, rate in
                let part = Duration.seconds(1) / rate
                let filled = max(full[holder] ?? now, now) + part
                // One request always fits, however short the burst.
                wait = max(wait, filled - now - max(self.limits.burst, part))
                return filled
            }
            guard wait <= .zero else { return wait }
            if full.count + holders.count > self.limits.maxHolders { self.forget(&full, at: now) }
            for ((holder, _), filled) in zip(holders, filled) { full[holder] = filled }
            return nil
        }
    }

    private func holders(of caller: Caller) -> [(Holder, Int)] {
        var holders: [(Holder, Int)] = []
        switch caller {
        case .installation(let key):
            if let rate = self.limits.key { holders.append((.key(key), rate)) }
        case .principal(let principal):
            if case .apiKey(let key) = principal.method, let rate = self.limits.key { holders.append((.key(key), rate)) }
            if let rate = self.limits.account { holders.append((.account(principal.owner), rate)) }
            // Not of admins: agents that ask too often must not keep away who is about to stop them.
            if principal.role != .admin || principal.isExecution, let rate = self.limits.organization {
                holders.append((.organization(principal.organization), rate))
            }
        }
        return holders
    }

    private func forget(_ full: inout [Holder: Duration], at now: Duration) {
        full = full.filter { $0.value > now }
        // That many within one burst: rather than refuse strangers, those whose allowance is most nearly full again start anew.
        guard full.count > self.limits.maxHolders / 2 else { return }
        let kept = full.sorted { $0.value > $1.value }.prefix(self.limits.maxHolders / 2)
        full = Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0.value) })
    }
}

extension RequestRates.Limits {
    init(_ settings: GatewaySettings) {
        self.key = settings.keyRate
        self.account = settings.accountRate
        self.organization = settings.organizationRate
        self.burst = settings.rateBurst
    }
}
