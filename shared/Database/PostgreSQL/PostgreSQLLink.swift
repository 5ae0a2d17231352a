import CPostgres
import Dispatch
import Synchronization

/// One connection to a server: statements go in at any time and from any thread, are sent at once without waiting for those before
/// them, and are answered in order.
///
/// Each statement has a sync of its own, so that an error touches no other. The actor runs on a dispatch queue of its own; the sources
/// that tell of the socket's readiness run there too, and libpq is touched nowhere else. Connecting blocks that queue's thread, which is
/// none of the concurrency pool's.
actor PostgreSQLLink {
    /// What the owner hears, on the connection's own queue.
    enum Event: Sendable {
        /// It takes statements from now on.
        case connected
        /// It could not connect; nothing follows but `closed`.
        case failed(DatabaseError)
        /// So many statements that shared it are through.
        case finished(Int)
        /// It ended by itself, and every statement on it has failed; nothing follows but `closed`.
        case lost(DatabaseError)
        case notification(channel: String, payload: String)
        /// Its descriptor is closed.
        case closed
    }

    private enum Phase {
        case connecting
        case open
        case closed
    }

    /// What other threads leave for the queue.
    private struct Inbox {
        var requests: [PostgreSQLRequest] = []
        var hasAbandoned = false
        var isScheduled = false
        /// Why nothing is taken any more.
        var refusal: DatabaseError?
    }

    nonisolated let id: Int
    private nonisolated let configuration: PostgreSQLConfiguration
    private nonisolated let executor: QueueExecutor
    private nonisolated let onEvent: @Sendable (Event) -> Void
    private nonisolated let inbox = Mutex(Inbox())

    private var phase = Phase.connecting
    private var handle: OpaquePointer?
    private var pipeline = PostgreSQLPipeline()
    private var statements: PreparedStatements
    /// Requests that were taken from the inbox, and wait for the socket to take what was sent before.
    private var unsent: ArraySlice<(request: PostgreSQLRequest, attempt: Int)> = []
    private var readSource: (any DispatchSourceRead)?
    private var writeSource: (any DispatchSourceWrite)?
    /// What the sources look at: a descriptor of our own for libpq's socket. libpq closes its own as soon as it sees that the connection
    /// broke, and the number is another connection's a moment later; a source on it would take that one's events, or end them.
    private var watched: Int32 = -1
    /// Sources that still may look at ``watched``: it is closed after the last of them.
    private var openSourceCount = 0
    private var lastProgress = DispatchTime.now()
    private var isWatched = false
    private var isCancelling = false

    /// - Parameter onEvent: hears what happens; must not block.
    init(id: Int, configuration: PostgreSQLConfiguration, onEvent: @escaping @Sendable (Event) -> Void) {
        self.id = id
        self.configuration = configuration
        self.executor = QueueExecutor(label: "roost.postgresql.\(id)")
        self.onEvent = onEvent
        self.statements = PreparedStatements(capacity: configuration.maxPreparedStatements)
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { self.executor.asUnownedSerialExecutor() }

    /// Begins to connect.
    nonisolated func connect() { self.onQueue { $0.open() } }

    /// Ends the connection; what is on its way fails.
    nonisolated func close(_ reason: DatabaseError = DatabaseError(code: .closed, message: "the database was closed")) {
        self.onQueue { $0.shut(reason) }
    }

    /// Sends a request as soon as the socket takes it.
    nonisolated func submit(_ request: PostgreSQLRequest) {
        let (refusal, isFirst) = self.inbox.withLock { inbox -> (DatabaseError?, Bool) in
            if let refusal = inbox.refusal { return (refusal, false) }
            inbox.requests.append(request)
            defer { inbox.isScheduled = true }
            return (nil, !inbox.isScheduled)
        }
        if let refusal { return request.complete(.failure(PostgreSQLLinkError.notSent(refusal))) }
        if isFirst { self.onQueue { $0.drain() } }
    }

    /// Sends a request and waits for its answer. When the task is cancelled the wait ends at once; the server is asked to stop if that
    /// statement keeps it.
    nonisolated func perform(
        _ sql: String, _ parameters: PostgreSQLParameters, role: PostgreSQLRequest.Role
    ) async throws -> PostgreSQLResult {
        let current = Mutex<(request: PostgreSQLRequest?, isCancelled: Bool)>((nil, false))
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let request = PostgreSQLRequest(sql: sql, parameters: parameters, role: role) { continuation.resume(with: $0) }
                let isCancelled = current.withLock { current in
                    current.request = request
                    return current.isCancelled
                }
                // A request that was given up before it was sent still goes through, so that its share of the lease comes back.
                if isCancelled { _ = request.abandon() }
                self.submit(request)
            }
        } onCancel: {
            let request = current.withLock { current in
                current.isCancelled = true
                return current.request
            }
            if let request, request.abandon() { self.noticeAbandoned() }
        }
    }

    /// Sends a request and waits for its answer whatever becomes of the task: for COMMIT and ROLLBACK.
    nonisolated func performToTheEnd(_ sql: String) async throws -> PostgreSQLResult {
        try await withCheckedThrowingContinuation { continuation in
            self.submit(PostgreSQLRequest(sql: sql) { continuation.resume(with: $0) })
        }
    }

    /// Finds out whether the server still answers; `finished(1)` if so.
    nonisolated func keepAlive() {
        self.submit(PostgreSQLRequest(sql: "", role: PostgreSQLRequest.Role(isShared: true)) { _ in })
    }

    private nonisolated func noticeAbandoned() {
        let isFirst = self.inbox.withLock { inbox in
            inbox.hasAbandoned = true
            defer { inbox.isScheduled = true }
            return !inbox.isScheduled
        }
        if isFirst { self.onQueue { $0.drain() } }
    }

    private nonisolated func onQueue(_ body: @escaping @Sendable (isolated PostgreSQLLink) -> Void) {
        self.executor.queue.async { self.assumeIsolated { body($0) } }
    }
}

// MARK: Opening and closing

extension PostgreSQLLink {
    private func open() {
        guard self.phase == .connecting else { return }
        let handle = PostgreSQLHandle.connect(self.configuration)
        guard let handle, PQstatus(handle) == CONNECTION_OK else {
            let error = PostgreSQLConnectFailure.error(handle.map { String(cString: PQerrorMessage($0)) } ?? "no memory")
            if let handle { PQfinish(handle) }
            self.phase = .closed
            self.refuse(error)
            self.onEvent(.failed(error))
            self.onEvent(.closed)
            return
        }
        PQsetNoticeProcessor(handle, { _, _ in }, nil)
        PQsetnonblocking(handle, 1)
        PQenterPipelineMode(handle)
        self.handle = handle
        self.phase = .open
        self.watched = PostgreSQLHandle.duplicate(PQsocket(handle))
        guard self.watched >= 0 else { return self.lose("this process has no descriptor left") }
        self.makeReadSource(self.watched)
        self.setUp()
    }

    /// Tells the server this connection's bounds; connected once it has answered.
    private func setUp() {
        let bounds = [self.configuration.statementTimeout.milliseconds, self.configuration.transactionTimeout.milliseconds]
        guard let parameters = try? PostgreSQLParameters(bounds.map { .text("\($0)") }) else { return }
        let sql = """
            SELECT set_config('statement_timeout', $1, false), set_config('idle_in_transaction_session_timeout', $2, false),
                set_config('TimeZone', 'UTC', false)
            """
        self.submit(
            PostgreSQLRequest(sql: sql, parameters: parameters) { result in
                switch result {
                case .success: self.onEvent(.connected)
                // When the connection was lost the owner has heard of it.
                case .failure(is PostgreSQLLinkError): break
                case .failure(let error):
                    self.close(error as? DatabaseError ?? DatabaseError(code: .unavailable, message: "the connection was refused"))
                }
            })
    }

    private func shut(_ reason: DatabaseError) {
        switch self.phase {
        case .connecting:
            self.phase = .closed
            self.refuse(reason)
            self.onEvent(.closed)
        case .open: self.end(reason, isLost: false)
        case .closed: break
        }
    }

    private func lose(_ what: String? = nil) {
        let text = what ?? self.handle.map { String(cString: PQerrorMessage($0)) } ?? ""
        let line = text.split(whereSeparator: \.isNewline).first.map { " (\($0.prefix(300)))" } ?? ""
        self.end(DatabaseError(code: .unavailable, message: "the connection to the database ended; try again later\(line)"), isLost: true)
    }

    private func end(_ reason: DatabaseError, isLost: Bool) {
        guard self.phase == .open else { return }
        self.phase = .closed
        self.refuse(reason)
        let sent = self.pipeline.removeAll()
        let unsent = self.unsent
        self.unsent = []
        // The owner first: who is told below may come back at once.
        if isLost { self.onEvent(.lost(reason)) }
        for slot in sent { slot.request.complete(.failure(self.outcome(of: slot, reason))) }
        for (request, _) in unsent { request.complete(.failure(PostgreSQLLinkError.notSent(reason))) }
        self.readSource?.cancel()
        self.writeSource?.cancel()
        self.readSource = nil
        self.writeSource = nil
        self.finishIfUnwatched()
    }

    /// An error that the server has told is certain: what failed is rolled back. Everything else may have happened.
    private func outcome(of slot: PostgreSQLPipeline.Slot, _ reason: DatabaseError) -> any Error {
        guard let failure = slot.failure, slot.result == nil, slot.request.sql != "COMMIT" else { return PostgreSQLLinkError.lost(reason) }
        let error = DatabaseError(failure)
        return error.code == .unavailable ? PostgreSQLLinkError.notSent(error) : error
    }

    /// Everything that still lies in the inbox fails, and everything that comes.
    private func refuse(_ reason: DatabaseError) {
        let requests = self.inbox.withLock { inbox in
            inbox.refusal = reason
            defer { inbox.requests = [] }
            return inbox.requests
        }
        for request in requests { request.complete(.failure(PostgreSQLLinkError.notSent(reason))) }
    }

    private func finishIfUnwatched() {
        guard self.phase == .closed, self.openSourceCount == 0, let handle = self.handle else { return }
        self.handle = nil
        PostgreSQLHandle.close(self.watched)
        PQfinish(handle)
        self.onEvent(.closed)
    }

    private func sourceEnded() {
        self.openSourceCount -= 1
        self.finishIfUnwatched()
    }

    private func makeReadSource(_ descriptor: Int32) {
        let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: self.executor.queue)
        source.setEventHandler { self.assumeIsolated { $0.readable() } }
        source.setCancelHandler { self.assumeIsolated { $0.sourceEnded() } }
        self.openSourceCount += 1
        self.readSource = source
        source.resume()
    }

    private func makeWriteSource(_ descriptor: Int32) {
        let source = DispatchSource.makeWriteSource(fileDescriptor: descriptor, queue: self.executor.queue)
        source.setEventHandler { self.assumeIsolated { $0.writable() } }
        source.setCancelHandler { self.assumeIsolated { $0.sourceEnded() } }
        self.openSourceCount += 1
        self.writeSource = source
        source.resume()
    }
}

// MARK: Sending

extension PostgreSQLLink {
    /// Takes what others left in the inbox.
    private func drain() {
        let (requests, hasAbandoned) = self.inbox.withLock { inbox in
            defer {
                inbox.requests.removeAll(keepingCapacity: true)
                inbox.isScheduled = false
                inbox.hasAbandoned = false
            }
            return (inbox.requests, inbox.hasAbandoned)
        }
        guard self.phase == .open else { return }
        for request in requests { self.unsent.append((request, 0)) }
        self.sendUnsent()
        if hasAbandoned { self.considerCancelling() }
    }

    /// Sends as much as the socket takes; the rest waits here and not in libpq's buffer.
    private func sendUnsent() {
        var droppedShares = 0
        while self.phase == .open, self.writeSource == nil, let (request, attempt) = self.unsent.popFirst() {
            if request.isAbandoned {
                droppedShares += request.role.isShared ? 1 : 0
                continue
            }
            if self.pipeline.isEmpty { self.beginWatching() }
            guard self.send(request, attempt: attempt) else { return self.lose() }
            self.flush()
        }
        if droppedShares > 0 { self.onEvent(.finished(droppedShares)) }
    }

    /// Hands one request to libpq: what comes first, the statement, and the sync that ends it.
    private func send(_ request: PostgreSQLRequest, attempt: Int) -> Bool {
        guard let handle = self.handle else { return false }
        var steps: [PostgreSQLPipeline.Slot.Step] = []
        var statementName: String?
        var isSent = true
        func add(_ step: PostgreSQLPipeline.Slot.Step, _ body: () -> Int32) {
            guard isSent else { return }
            isSent = body() == 1
            steps.append(step)
        }
        func prepare(_ sql: String, types: [Oid]) -> String {
            let plan = self.statements.use(sql, types: types)
            for name in plan.removing {
                add(.prelude) { PQsendQueryParams(handle, "DEALLOCATE \(name)", 0, nil, nil, nil, nil, 1) }
            }
            if let types = plan.preparing {
                add(.prepare(name: plan.name)) { PQsendPrepare(handle, plan.name, sql, Int32(types.count), types) }
            }
            return plan.name
        }
        let isPreparing = self.configuration.maxPreparedStatements > 0

        if request.role.opensTransaction {
            add(.prelude) { PQsendQueryParams(handle, "BEGIN ISOLATION LEVEL READ COMMITTED", 0, nil, nil, nil, nil, 1) }
        }
        if let organization = request.role.organization, let parameters = try? PostgreSQLParameters([.text(organization)]) {
            let sql = "SELECT set_config('roost.organization', $1, true)"
            let name = isPreparing ? prepare(sql, types: parameters.types) : nil
            add(.prelude) { PostgreSQLHandle.execute(handle, name, sql, parameters) }
        }
        if !request.sql.isEmpty {
            if request.role.isPrepared, isPreparing { statementName = prepare(request.sql, types: request.parameters.types) }
            add(.statement) { PostgreSQLHandle.execute(handle, statementName, request.sql, request.parameters) }
        }
        guard isSent, PQpipelineSync(handle) == 1 else {
            // Nobody knows how much of it has gone: it is in the pipeline when that is lost.
            self.pipeline.append(.init(request: request, steps: steps, statementName: statementName, attempt: attempt))
            return false
        }
        self.pipeline.append(.init(request: request, steps: steps, statementName: statementName, attempt: attempt))
        return true
    }

    /// Pushes libpq's buffer into the socket, and waits for readiness where it takes no more.
    private func flush() {
        guard let handle = self.handle, self.phase == .open else { return }
        switch PQflush(handle) {
        case 0:
            self.writeSource?.cancel()
            self.writeSource = nil
        case 1: if self.writeSource == nil { self.makeWriteSource(self.watched) }
        default: self.lose()
        }
    }

    private func writable() {
        guard self.phase == .open else { return }
        self.lastProgress = .now()
        self.flush()
        self.sendUnsent()
    }
}

// MARK: Receiving

extension PostgreSQLLink {
    private func readable() {
        guard self.phase == .open, let handle = self.handle else { return }
        self.lastProgress = .now()
        let isAlive = PostgreSQLHandle.takeInput(handle, from: self.watched)
        var answers: [(PostgreSQLRequest, Result<PostgreSQLResult, any Error>)] = []
        var finishedShares = 0
        var separators = 0
        while var slot = self.pipeline.first, PQisBusy(handle) == 0 {
            guard let pointer = PQgetResult(handle) else {
                // Ends the results of one command. Two in a row mean that nothing comes any more.
                separators += 1
                guard separators < 2 else { break }
                self.stepEnded(&slot)
                self.pipeline.first = slot
                continue
            }
            separators = 0
            let result = PostgreSQLResult(pointer)
            if result.status == PGRES_PIPELINE_SYNC {
                self.pipeline.removeFirst()
                if self.sendsAgain(slot) { continue }
                finishedShares += slot.request.role.isShared ? 1 : 0
                answers.append((slot.request, Self.answer(slot)))
            } else {
                Self.take(result, into: &slot)
                self.pipeline.first = slot
            }
        }
        // The shares first: who gets an answer may come back at once, and finds the connection free.
        if finishedShares > 0 { self.onEvent(.finished(finishedShares)) }
        for (request, answer) in answers { request.complete(answer) }
        while let notification = PQnotifies(handle) {
            self.onEvent(
                .notification(
                    channel: String(cString: notification.pointee.relname), payload: String(cString: notification.pointee.extra)))
            PQfreemem(notification)
        }
        guard isAlive, PQstatus(handle) == CONNECTION_OK else { return self.lose() }
        // What was read may have made room, or a place for what is sent again.
        if self.writeSource != nil { self.flush() }
        self.sendUnsent()
        self.considerCancelling()
    }

    private static func take(_ result: PostgreSQLResult, into slot: inout PostgreSQLPipeline.Slot) {
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

    private func stepEnded(_ slot: inout PostgreSQLPipeline.Slot) {
        if case .prepare(let name) = slot.step {
            let sql = slot.statementName == name ? slot.request.sql : "SELECT set_config('roost.organization', $1, true)"
            if slot.failure == nil {
                self.statements.confirm(sql, name: name)
            } else {
                self.statements.forget(sql, name: name)
            }
        }
        slot.answered += 1
    }

    /// A statement that failed through no fault of its own, and before it did anything, is sent once more.
    private func sendsAgain(_ slot: PostgreSQLPipeline.Slot) -> Bool {
        guard let failure = slot.failure else { return false }
        let state = failure.errorField(.sqlState)
        // The statement was removed, or failed to be prepared for one before; or a table that it reads was changed.
        let isStale = state == "26000" || (state == "0A000" && failure.errorField(.sourceFunction) == "RevalidateCachedQuery")
        if isStale, let name = slot.statementName { self.statements.forget(slot.request.sql, name: name) }
        guard slot.request.role.isShared, slot.attempt == 0, isStale || (state == "57014" && slot.mayBeVictim) else { return false }
        self.unsent.append((slot.request, slot.attempt + 1))
        return true
    }

    private static func answer(_ slot: PostgreSQLPipeline.Slot) -> Result<PostgreSQLResult, any Error> {
        if let failure = slot.failure { return .failure(DatabaseError(failure)) }
        if let result = slot.result { return .success(result) }
        // A request without a statement asks only whether the server answers.
        return .failure(DatabaseError(code: .invalidStatement, message: "the statement is empty"))
    }
}

// MARK: Time

extension PostgreSQLLink {
    /// Looks after the time that the server takes to answer, for as long as there is something to answer.
    private func beginWatching() {
        self.lastProgress = .now()
        guard !self.isWatched else { return }
        self.isWatched = true
        self.watch(after: self.patience)
    }

    private var patience: Duration { self.configuration.statementTimeout + self.configuration.answerGrace }

    private func watch(after pause: Duration) {
        self.executor.queue.asyncAfter(deadline: .now() + pause.seconds) { [weak self] in
            self?.assumeIsolated { $0.checkProgress() }
        }
    }

    private func checkProgress() {
        guard self.phase == .open, !self.pipeline.isEmpty else {
            self.isWatched = false
            return
        }
        let silence = Duration.nanoseconds(Int64(DispatchTime.now().uptimeNanoseconds - self.lastProgress.uptimeNanoseconds))
        guard silence < self.patience else { return self.lose("no answer for \(self.patience)") }
        self.watch(after: self.patience - silence)
    }

    /// Asks the server to stop what nobody waits for any more, if that is what it is at and it is alone in its transaction or stays at it.
    private func considerCancelling() {
        guard self.phase == .open, !self.isCancelling, let slot = self.pipeline.first, slot.request.isAbandoned else { return }
        self.isCancelling = true
        let pause = slot.request.role.isShared ? Self.cancelPause : .zero
        self.executor.queue.asyncAfter(deadline: .now() + pause.seconds) { [weak self] in
            self?.assumeIsolated { $0.cancel(slot.request) }
        }
    }

    /// How long a statement that was given up may keep a shared connection before it is cancelled; most end by themselves before.
    private static let cancelPause = Duration.milliseconds(50)

    private func cancel(_ request: PostgreSQLRequest) {
        guard self.phase == .open, let slot = self.pipeline.first, slot.request === request, let handle = self.handle,
            let cancellation = PostgreSQLCancellation(handle)
        else {
            self.isCancelling = false
            return self.considerCancelling()
        }
        // Opens a connection of its own and waits, so that it must not happen on this queue.
        DispatchQueue(label: "roost.postgresql.cancel").async {
            cancellation.send()
            self.onQueue { $0.cancelled() }
        }
    }

    private func cancelled() {
        self.pipeline.markVictims()
        self.isCancelling = false
        // If it has come too early and the statement is still there, once more.
        self.considerCancelling()
    }
}
