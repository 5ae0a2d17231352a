import Synchronization

/// One statement on its way through a connection.
///
/// Its completion is called exactly once: with the answer, with an error, or with `CancellationError` when its task gives it up. A
/// request that was sent and is given up keeps its place in the pipeline, and what the server answers is thrown away.
final class PostgreSQLRequest: Sendable {
    typealias Completion = @Sendable (Result<PostgreSQLResult, any Error>) -> Void

    private enum State {
        case waiting(Completion)
        case abandoned
        case done
    }

    /// What becomes of the statement beside being run.
    struct Role: Sendable, Hashable {
        /// Whether it shares its connection, in which case its end gives back a share of the lease.
        var isShared = false
        /// Whether a transaction begins with it.
        var opensTransaction = false
        /// Whether the server keeps the statement prepared.
        var isPrepared = false
        /// Whether it may be sent over another connection as well, because it only reads.
        var isMovable = false
        /// Whose rows it may touch; nil when that is not limited, or was told before.
        var organization: String?
    }

    let sql: String
    let parameters: PostgreSQLParameters
    let role: Role
    private let state: Mutex<State>

    init(sql: String, parameters: PostgreSQLParameters = .none, role: Role = Role(), completion: @escaping Completion) {
        self.sql = sql
        self.parameters = parameters
        self.role = role
        self.state = Mutex(.waiting(completion))
    }

    /// Whether nobody waits for the answer any more.
    var isAbandoned: Bool {
        self.state.withLock { state in
            if case .abandoned = state { true } else { false }
        }
    }

    /// Whether it has no answer yet, and somebody waits for one.
    var isWaiting: Bool {
        self.state.withLock { state in
            if case .waiting = state { true } else { false }
        }
    }

    /// Tells the caller, unless it has gone.
    func complete(_ result: Result<PostgreSQLResult, any Error>) {
        let completion: Completion? = self.state.withLock { state in
            guard case .waiting(let completion) = state else { return nil }
            state = .done
            return completion
        }
        completion?(result)
    }

    /// Ends the caller's wait; false when it has ended already.
    @discardableResult
    func abandon(_ reason: any Error = CancellationError()) -> Bool {
        let completion: Completion? = self.state.withLock { state in
            guard case .waiting(let completion) = state else { return nil }
            state = .abandoned
            return completion
        }
        completion?(.failure(reason))
        return completion != nil
    }
}

/// Why a connection did not answer a request.
enum PostgreSQLLinkError: Error {
    /// The statement was not sent, because the connection ended or is busy with another: it may be sent on another one.
    case notSent(DatabaseError)
    /// The connection ended between the statement and its answer: what it did is not known.
    case lost(DatabaseError)
    /// Its turn does not come, because the server is at another statement; it only reads, and may be sent on another connection.
    case overtaken(DatabaseError)

    var reason: DatabaseError {
        switch self {
        case .notSent(let error), .lost(let error), .overtaken(let error): error
        }
    }
}
