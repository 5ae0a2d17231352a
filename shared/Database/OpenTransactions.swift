/// Which databases have a transaction open around the current task.
enum OpenTransactions {
    @TaskLocal private static var databases: [ObjectIdentifier] = []

    /// Runs a transaction's body.
    static func within<Result>(_ database: some AnyObject, _ body: () async throws -> Result) async rethrows -> Result {
        try await self.$databases.withValue(self.databases + [ObjectIdentifier(database)], operation: body)
    }

    /// Traps where waiting for another transaction or a write would be waiting for oneself.
    static func preconditionNone(on database: some AnyObject) {
        precondition(
            !self.databases.contains(ObjectIdentifier(database)),
            "inside a transaction's body only the transaction's own connection may write; it would wait for itself")
    }
}
