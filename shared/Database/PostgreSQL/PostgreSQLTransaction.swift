import Synchronization

/// One open transaction on a connection of its own. Lives only as long as the body that it was given to.
///
/// BEGIN and the organization travel with the first statement, so that they cost no round trip. After a statement has failed no other
/// runs and the transaction is rolled back, even if the body goes on as if nothing had happened.
final class PostgreSQLTransaction: DatabaseConnection {
    private enum State {
        /// Nothing was sent yet.
        case fresh
        case open
        /// By the first statement that failed; from here it can only end.
        case failed(any Error)
        case ended
    }

    private let link: PostgreSQLLink
    private let statements: StatementCache
    private let organization: String?
    private let state = Mutex(State.fresh)
    /// True once the transaction has lasted too long.
    private let hasExpired: @Sendable () -> Bool

    init(
        link: PostgreSQLLink, statements: StatementCache, scope: DatabaseScope, timeout: Duration, clock: any Clock<Duration>
    ) {
        self.link = link
        self.statements = statements
        self.organization = scope.organization
        self.hasExpired = Self.expiry(of: timeout, by: clock)
    }

    func query(_ statement: Statement, values: [DatabaseValue]) async throws -> [DatabaseRow] {
        try await self.run(statement, values: values).rows()
    }

    func execute(_ statement: Statement, values: [DatabaseValue]) async throws -> Int {
        try await self.run(statement, values: values).changeCount
    }

    /// How a body left its transaction.
    enum End {
        /// Nothing was sent: there is nothing to commit or to roll back.
        case empty
        case open
        /// The first statement that failed, whatever the body made of it.
        case failed(any Error)
    }

    /// No statement runs from now on.
    func end() -> End {
        self.state.withLock { state in
            defer { state = .ended }
            switch state {
            case .fresh, .ended: return .empty
            case .open: return .open
            case .failed(let error): return .failed(error)
            }
        }
    }

    private func run(_ statement: Statement, values: [DatabaseValue]) async throws -> PostgreSQLResult {
        try Task.checkCancellation()
        do {
            guard !self.hasExpired() else {
                throw DatabaseError(code: .timeout, message: "the transaction took too long and is rolled back")
            }
            let rewritten = try self.statements.rewrite(statement)
            let parameters = try rewritten.parameters(values)
            let isFirst = try self.begin()
            let role = PostgreSQLRequest.Role(
                opensTransaction: isFirst, isPrepared: statement.isFixed, organization: isFirst ? self.organization : nil)
            return try await self.link.perform(rewritten.text, parameters, role: role)
        } catch {
            self.state.withLock { state in
                switch state {
                case .fresh, .open: state = .failed(error)
                case .failed, .ended: break
                }
            }
            throw (error as? PostgreSQLLinkError)?.reason ?? error
        }
    }

    /// True for the first statement.
    private func begin() throws(DatabaseError) -> Bool {
        let (isFirst, error) = self.state.withLock { state -> (Bool, DatabaseError?) in
            switch state {
            case .fresh:
                state = .open
                return (true, nil)
            case .open: return (false, nil)
            case .failed:
                return (
                    false, DatabaseError(code: .closed, message: "an earlier statement failed, the transaction can only be rolled back")
                )
            case .ended: return (false, DatabaseError(code: .closed, message: "the connection of a transaction was used after its end"))
            }
        }
        if let error { throw error }
        return isFirst
    }

    private static func expiry<C: Clock<Duration>>(of timeout: Duration, by clock: C) -> @Sendable () -> Bool {
        let deadline = clock.now.advanced(by: timeout)
        return { clock.now >= deadline }
    }
}
