internal import Synchronization

/// Names and the addresses they resolved to a moment ago, so that a program's hundred calls of one API ask the name server once.
///
/// Remembering is no hole: a connection goes to an address that was checked, whether it was learned now or a few seconds ago.
final class AddressBook: Sendable {
    private struct Page {
        let addresses: [IPAddress]
        let expiry: ContinuousClock.Instant
    }

    private struct State {
        var pages: [String: Page] = [:]
        var resolutions = 0
    }

    private let resolver: any AddressResolver
    private let limits: EgressLimits
    private let state = Mutex(State())

    init(resolver: any AddressResolver, limits: EgressLimits) {
        self.resolver = resolver
        self.limits = limits
    }

    /// The name's addresses, never none, IPv4 first: a host without a working IPv6 route would otherwise cost the connect time-out.
    func addresses(of name: String, deadline: ContinuousClock.Instant) async throws(EgressError) -> [IPAddress] {
        if let known = try self.enter(name) { return known }
        defer { self.state.withLock { $0.resolutions -= 1 } }
        let found: [IPAddress]
        do {
            found = try await self.resolve(name, deadline: deadline)
        } catch let error as EgressError {
            throw error
        } catch is CancellationError {
            throw EgressError(.cancelled, "The request was cancelled.", mayHaveBeenSent: false)
        } catch {
            throw EgressError(.resolutionFailed, "The host name \(name) has no address.", mayHaveBeenSent: false, cause: error)
        }
        guard !found.isEmpty else {
            throw EgressError(.resolutionFailed, "The host name \(name) has no address.", mayHaveBeenSent: false)
        }
        let ordered = found.filter(\.isV4) + found.filter { !$0.isV4 }
        self.remember(name, ordered)
        return ordered
    }

    /// Answers from memory, or counts one more resolution.
    private func enter(_ name: String) throws(EgressError) -> [IPAddress]? {
        try self.state.withLock { state throws(EgressError) in
            if let page = state.pages[name], page.expiry > .now { return page.addresses }
            guard state.resolutions < self.limits.maxResolutions else {
                throw EgressError(.overloaded, "Too many host names are being resolved at once; try again later.", mayHaveBeenSent: false)
            }
            state.resolutions += 1
            return nil
        }
    }

    private func resolve(_ name: String, deadline: ContinuousClock.Instant) async throws -> [IPAddress] {
        try await withThrowingTaskGroup(of: [IPAddress].self) { group in
            group.addTask { try await self.resolver.addresses(of: name) }
            group.addTask {
                try await Task.sleep(until: deadline, clock: .continuous)
                throw EgressError(.timeout, "Resolving the host name \(name) took too long.", mayHaveBeenSent: false)
            }
            defer { group.cancelAll() }
            return try await group.next() ?? []
        }
    }

    private func remember(_ name: String, _ addresses: [IPAddress]) {
        guard self.limits.resolutionLifetime > .zero else { return }
        let now = ContinuousClock.now
        self.state.withLock { state in
            if state.pages.count >= self.limits.maxRememberedNames { state.pages = state.pages.filter { $0.value.expiry > now } }
            // Still full of fresh names: not remembering one costs a look-up, nothing else.
            guard state.pages.count < self.limits.maxRememberedNames else { return }
            state.pages[name] = Page(addresses: addresses, expiry: now + self.limits.resolutionLifetime)
        }
    }
}

extension IPAddress {
    fileprivate var isV4: Bool {
        if case .v4 = self { true } else { false }
    }
}
