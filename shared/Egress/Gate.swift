/// Decides whether a hop may go out, and to which addresses.
struct Gate: Sendable {
    let policy: AddressPolicy
    let allowList: EgressAllowList
    let book: AddressBook

    /// The addresses the hop may be connected to, best first, never none.
    ///
    /// One refused address refuses the name: an answer that mixes public and private addresses is an attack or a mistake, and picking the
    /// public one would hide it.
    func admit(_ hop: Hop, deadline: ContinuousClock.Instant) async throws(EgressError) -> [IPAddress] {
        let addresses: [IPAddress]
        switch hop.url.host {
        case .address(let address): addresses = [address]
        case .name(let name): addresses = try await self.book.addresses(of: name, deadline: deadline)
        }
        let isAdmitted: Bool
        if hop.isInternal {
            isAdmitted = true
        } else if self.allowList.contains(hop.url) {
            isAdmitted = hop.url.host.isLiteral || !addresses.contains(where: AddressPolicy.isMetadata)
        } else {
            isAdmitted = addresses.allSatisfy(self.policy.admits)
        }
        guard isAdmitted else { throw .addressRefused(hop.url.authority) }
        return addresses
    }
}

extension EgressURL.Host {
    fileprivate var isLiteral: Bool {
        if case .address = self { true } else { false }
    }
}
