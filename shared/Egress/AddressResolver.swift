/// Turns names into addresses. The guard checks what it answers and connects to exactly that, so a resolver cannot open anything.
package protocol AddressResolver: Sendable {
    /// The name's addresses in the order of preference; throws when it has none. Returns at once when the task is cancelled.
    func addresses(of name: String) async throws -> [IPAddress]

    /// Ends what the resolver holds. It is not asked again.
    func shutdown() async
}

extension AddressResolver {
    /// A resolver that holds nothing has nothing to end.
    package func shutdown() async {}
}
