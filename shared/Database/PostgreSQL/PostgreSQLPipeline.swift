import CPostgres

/// What was sent over one connection and is not answered, in order, and which statements the server keeps prepared for it.
///
/// Each request has a sync of its own, so that an error touches no other.
struct PostgreSQLPipeline {
    /// One request, from its first command to its sync.
    struct Slot {
        /// The commands that a request is made of, each with a result of its own.
        enum Step: Equatable {
            /// DEALLOCATE, BEGIN, the organization: nothing to keep.
            case prelude
            /// PREPARE, of the statement with this name.
            case prepare(name: String)
            case statement
        }

        let request: PostgreSQLRequest
        let steps: [Step]
        /// The name of the prepared statement that is executed.
        let statementName: String?
        /// How often it was sent before.
        let attempt: Int
        /// How many steps are answered.
        var answered = 0
        /// The answer to the statement itself.
        var result: PostgreSQLResult?
        /// The first error; everything after it was skipped.
        var failure: PostgreSQLResult?
        /// Whether a cancellation that was meant for another statement may have hit it.
        var mayBeVictim = false

        var step: Step? { self.answered < self.steps.count ? self.steps[self.answered] : nil }
    }

    /// A request that waits to be sent, perhaps again.
    struct Unsent {
        let request: PostgreSQLRequest
        var attempt = 0
    }

    /// What one look at the server's answers gave.
    struct Received {
        var answers: [(request: PostgreSQLRequest, result: Result<PostgreSQLResult, any Error>)] = []
        /// Those that failed through no fault of their own, and before they did anything.
        var again: [Unsent] = []
        /// How many of the answered shared the connection.
        var shareCount = 0
    }

    private static let setOrganization = "SELECT set_config('roost.organization', $1, true)"
    /// How often a statement is sent again. Each time something else was in its way: a table's change, or a neighbour's cancellation.
    private static let maxAttempts = 16

    private let isPreparing: Bool
    private var statements: PreparedStatements
    private var slots: [Slot] = []
    private var head = 0

    init(_ configuration: PostgreSQLConfiguration) {
        self.isPreparing = configuration.maxPreparedStatements > 0
        self.statements = PreparedStatements(capacity: configuration.maxPreparedStatements)
    }

    var isEmpty: Bool { self.head == self.slots.count }

    /// The request whose answer comes next.
    private(set) var first: Slot? {
        get { self.isEmpty ? nil : self.slots[self.head] }
        set {
            if let newValue, !self.isEmpty { self.slots[self.head] = newValue }
        }
    }

    /// Those behind the first.
    var followers: ArraySlice<Slot> { self.slots[self.head...].dropFirst() }

    /// The server is about to be asked to stop the first request: the request to stop comes at some moment, and hits what runs then.
    mutating func markVictims() {
        for index in self.slots.indices.dropFirst(self.head + 1) { self.slots[index].mayBeVictim = true }
    }

    /// Everything that is not answered; nothing is left.
    mutating func removeAll() -> [Slot] {
        defer {
            self.slots = []
            self.head = 0
        }
        return Array(self.slots[self.head...])
    }

    private mutating func removeFirst() {
        self.head += 1
        if self.head == self.slots.count {
            self.slots.removeAll(keepingCapacity: true)
            self.head = 0
        } else if self.head >= 64 {
            self.slots.removeFirst(self.head)
            self.head = 0
        }
    }
}

// MARK: Sending

extension PostgreSQLPipeline {
    /// Hands one request to libpq: what comes first, the statement, and the sync that ends it.
    ///
    /// False when libpq refuses. Nobody knows then how much of it has gone: it counts as sent.
    mutating func send(_ unsent: Unsent, on handle: OpaquePointer) -> Bool {
        let request = unsent.request
        var steps: [Slot.Step] = []
        var statementName: String?
        var isSent = true
        func add(_ step: Slot.Step, _ body: () -> Int32) {
            guard isSent else { return }
            isSent = body() == 1
            steps.append(step)
        }
        func prepare(_ sql: String, types: [Oid], _ statements: inout PreparedStatements) -> String {
            let plan = statements.use(sql, types: types)
            for name in plan.removing {
                add(.prelude) { PQsendQueryParams(handle, "DEALLOCATE \(name)", 0, nil, nil, nil, nil, 1) }
            }
            if let types = plan.preparing {
                add(.prepare(name: plan.name)) { PQsendPrepare(handle, plan.name, sql, Int32(types.count), types) }
            }
            return plan.name
        }

        if request.role.opensTransaction {
            add(.prelude) { PQsendQueryParams(handle, "BEGIN ISOLATION LEVEL READ COMMITTED", 0, nil, nil, nil, nil, 1) }
        }
        if let organization = request.role.organization, let parameters = try? PostgreSQLParameters([.text(organization)]) {
            let name = self.isPreparing ? prepare(Self.setOrganization, types: parameters.types, &self.statements) : nil
            add(.prelude) { PostgreSQLHandle.execute(handle, name, Self.setOrganization, parameters) }
        }
        if !request.sql.isEmpty {
            if request.role.isPrepared, self.isPreparing {
                statementName = prepare(request.sql, types: request.parameters.types, &self.statements)
            }
            add(.statement) { PostgreSQLHandle.execute(handle, statementName, request.sql, request.parameters) }
        }
        self.slots.append(Slot(request: request, steps: steps, statementName: statementName, attempt: unsent.attempt))
        return isSent && PQpipelineSync(handle) == 1
    }
}

// MARK: Receiving

extension PostgreSQLPipeline {
    /// Takes the answers that libpq has read completely.
    mutating func receive(from handle: OpaquePointer) -> Received {
        var received = Received()
        var separators = 0
        while var slot = self.first, PQisBusy(handle) == 0 {
            guard let pointer = PQgetResult(handle) else {
                // Ends the results of one command. Two in a row mean that nothing comes any more.
                separators += 1
                guard separators < 2 else { break }
                self.stepEnded(&slot)
                self.first = slot
                continue
            }
            separators = 0
            let result = PostgreSQLResult(pointer)
            if result.status == PGRES_PIPELINE_SYNC {
                self.removeFirst()
                if self.isSentAgain(slot) {
                    received.again.append(Unsent(request: slot.request, attempt: slot.attempt + 1))
                } else {
                    received.shareCount += slot.request.role.isShared ? 1 : 0
                    received.answers.append((slot.request, Self.answer(slot)))
                }
            } else {
                Self.take(result, into: &slot)
                self.first = slot
            }
        }
        return received
    }

    private static func take(_ result: PostgreSQLResult, into slot: inout Slot) {
        switch result.status {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
            if slot.step == .statement { slot.result = result }
        // Skipped because something before it failed.
        case PGRES_PIPELINE_ABORTED: break
        default:
            // Without a SQLSTATE it is libpq's own word that the connection broke, which says nothing about the statement.
            if slot.failure == nil, result.errorField(.sqlState) != nil { slot.failure = result }
        }
    }

    private mutating func stepEnded(_ slot: inout Slot) {
        if case .prepare(let name) = slot.step {
            let sql = slot.statementName == name ? slot.request.sql : Self.setOrganization
            if slot.failure == nil {
                self.statements.confirm(sql, name: name)
            } else {
                self.statements.forget(sql, name: name)
            }
        }
        slot.answered += 1
    }

    /// Whether a statement failed through no fault of its own: it is rolled back, and may be sent once more.
    private mutating func isSentAgain(_ slot: Slot) -> Bool {
        guard let failure = slot.failure else { return false }
        let state = failure.errorField(.sqlState)
        // The statement was removed, or failed to be prepared for one before; or a table that it reads was changed.
        let isStale = state == "26000" || (state == "0A000" && failure.errorField(.sourceFunction) == "RevalidateCachedQuery")
        if isStale, let name = slot.statementName { self.statements.forget(slot.request.sql, name: name) }
        // What is not shared is part of a transaction, which has failed with it.
        guard slot.request.role.isShared, slot.attempt < Self.maxAttempts else { return false }
        return isStale || (state == "57014" && slot.mayBeVictim)
    }

    private static func answer(_ slot: Slot) -> Result<PostgreSQLResult, any Error> {
        if let failure = slot.failure { return .failure(DatabaseError(failure)) }
        if let result = slot.result { return .success(result) }
        // A request without a statement asks only whether the server answers.
        return .failure(DatabaseError(code: .invalidStatement, message: "the statement is empty"))
    }
}
