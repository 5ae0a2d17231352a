import CPostgres
import Dispatch
import Synchronization

/// One connection to a server: statements go in at any time and from any thread, are sent at once without waiting for those before
/// them, and are answered in order.
///
/// The actor runs on a dispatch queue of its own; the sources that tell of the socket's readiness run there too, and libpq is touched
/// nowhere else. Connecting blocks that queue's thread, which is none of the concurrency pool's.
///
/// A statement whose task was cancelled is cancelled in the server too, again and again until it has ended. A cancellation hits whatever
/// runs when it arrives: what was sent behind that statement before may fail of it and is sent again, and nothing is sent meanwhile.
actor PostgreSQLLink {
    /// What the owner hears, on the connection's own queue.
    enum Event: Sendable {
        /// It takes statements from now on.
        case connected
        /// It could not connect; nothing follows but `closed`.
        case failed(DatabaseError)
        /// So many statements that shared it are through.
        case finished(Int)
        /// So many statements that were to share it have left it, and were not sent.
        case left(Int)
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
    private var readiness: PostgreSQLReadiness?
    private var pipeline: PostgreSQLPipeline
    private var lastWords = PostgreSQLLastWords()
    /// Requests that were taken from the inbox, and wait for the socket to take what was sent before, or for a cancellation to land.
    private var unsent: ArraySlice<PostgreSQLPipeline.Unsent> = []
    private var isSetUp = false
    private var lastProgress = DispatchTime.now()
    private var isWatched = false
    private var cancelling = PostgreSQLCancelling()

    /// - Parameter onEvent: hears what happens; must not block.
    init(id: Int, configuration: PostgreSQLConfiguration, onEvent: @escaping @Sendable (Event) -> Void) {
        self.id = id
        self.configuration = configuration
        self.executor = QueueExecutor(label: "roost.postgresql.\(id)")
        self.onEvent = onEvent
        self.pipeline = PostgreSQLPipeline(configuration)
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
                if isCancelled { request.abandon() }
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

    /// Sends a request and waits for its answer whatever becomes of the task: for COMMIT and ROLLBACK. Of a task that was cancelled, not for
    /// ever: the connection is given up when the server says nothing.
    nonisolated func performToTheEnd(_ sql: String) async throws -> PostgreSQLResult {
        let current = Mutex<(request: PostgreSQLRequest?, isCancelled: Bool)>((nil, false))
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let request = PostgreSQLRequest(sql: sql) { continuation.resume(with: $0) }
                let isCancelled = current.withLock { current in
                    current.request = request
                    return current.isCancelled
                }
                self.submit(request)
                if isCancelled { self.loseUnlessAnswered(request) }
            }
        } onCancel: {
            let request = current.withLock { current in
                current.isCancelled = true
                return current.request
            }
            if let request { self.loseUnlessAnswered(request) }
        }
    }

    private nonisolated func loseUnlessAnswered(_ request: PostgreSQLRequest) {
        let grace = self.configuration.cancelledGrace
        self.executor.queue.asyncAfter(deadline: .now() + grace.seconds) { [weak self] in
            self?.assumeIsolated { if request.isWaiting { $0.lose("no answer to \(request.sql) for \(grace), and nobody waits for it") } }
        }
    }

    /// Finds out whether the server still answers; `finished(1)` if so.
    nonisolated func keepAlive() {
        self.submit(PostgreSQLRequest(sql: "", role: PostgreSQLRequest.Role(isShared: true)) { _ in })
    }

    private nonisolated func noticeAbandoned() {
        let isFirst = self.inbox.withLock { inbox in
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
            return self.fail(handle, handle.map { String(cString: PQerrorMessage($0)) } ?? "no memory")
        }
        let handlers = PostgreSQLReadiness.Handlers(
            onReadable: { self.assumeIsolated { $0.readable() } }, onWritable: { self.assumeIsolated { $0.writable() } },
            onEnd: { self.assumeIsolated { $0.finish() } })
        self.readiness = PostgreSQLReadiness(descriptor: PQsocket(handle), queue: self.executor.queue, handlers: handlers)
        guard self.readiness != nil else { return self.fail(handle, "this process has too many files open") }
        self.lastWords.listen(to: handle)
        PQsetnonblocking(handle, 1)
        PQenterPipelineMode(handle)
        self.handle = handle
        self.phase = .open
        self.setUp()
    }

    private func fail(_ handle: OpaquePointer?, _ text: String) {
        let error = PostgreSQLConnectFailure.error(text)
        if let handle { PQfinish(handle) }
        self.phase = .closed
        self.refuse(error)
        self.onEvent(.failed(error))
        self.onEvent(.closed)
    }

    /// Tells the server this connection's bounds; connected once it has answered.
    private func setUp() {
        let silence = min(self.configuration.silentTransactionTimeout, self.configuration.transactionTimeout)
        let bounds = [self.configuration.statementTimeout.milliseconds, silence.milliseconds]
        guard let parameters = try? PostgreSQLParameters(bounds.map { .text("\($0)") }) else { return }
        let sql = """
            SELECT set_config('statement_timeout', $1, false), set_config('idle_in_transaction_session_timeout', $2, false),
                set_config('TimeZone', 'UTC', false)
            """
        self.submit(
            PostgreSQLRequest(sql: sql, parameters: parameters) { result in
                switch result {
                case .success: self.assumeIsolated { $0.settled() }
                // When the connection was lost the owner has heard of it.
                case .failure(is PostgreSQLLinkError): break
                case .failure(let error):
                    let reason = error as? DatabaseError ?? DatabaseError(code: .unavailable, message: "the connection was refused")
                    self.onEvent(.failed(reason))
                    self.close(reason)
                }
            })
        self.executor.queue.asyncAfter(deadline: .now() + self.configuration.connectTimeout.seconds) { [weak self] in
            self?.assumeIsolated { if !$0.isSetUp { $0.lose("the server admitted it and did not answer") } }
        }
    }

    private func settled() {
        self.isSetUp = true
        self.onEvent(.connected)
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
        self.end(self.lastWords.reason ?? PostgreSQLLastWords.reason(text), isLost: true)
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
        for waiting in unsent { waiting.request.complete(.failure(PostgreSQLLinkError.notSent(reason))) }
        self.readiness?.end()
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

    private func finish() {
        guard let handle = self.handle else { return }
        self.handle = nil
        self.readiness = nil
        PQfinish(handle)
        self.onEvent(.closed)
    }
}

// MARK: Sending and receiving

extension PostgreSQLLink {
    /// Takes what others left in the inbox.
    private func drain() {
        let requests = self.inbox.withLock { inbox in
            defer {
                inbox.requests.removeAll(keepingCapacity: true)
                inbox.isScheduled = false
            }
            return inbox.requests
        }
        guard self.phase == .open else { return }
        for request in requests { self.unsent.append(.init(request: request)) }
        self.considerCancelling()
        self.sendUnsent()
    }

    /// Sends as much as the socket takes; the rest waits here and not in libpq's buffer.
    ///
    /// Nothing follows a statement that was given up and is to be cancelled, nor a cancellation that is on its way: that comes at some
    /// moment, and hits what runs then.
    private func sendUnsent() {
        var leaving = 0
        while self.phase == .open, let next = self.unsent.first, next.request.isAbandoned || self.maySend, let handle = self.handle {
            self.unsent.removeFirst()
            if next.request.isAbandoned {
                leaving += next.request.role.isShared ? 1 : 0
                continue
            }
            if self.pipeline.isEmpty { self.lastProgress = .now() }
            guard self.pipeline.send(next, on: handle) else { return self.lose() }
            self.flush()
        }
        if leaving > 0 { self.onEvent(.left(leaving)) }
        self.watch()
    }

    private var maySend: Bool {
        self.readiness?.isWaitingToWrite == false && !self.cancelling.isUnderWay && self.pipeline.first?.request.isAbandoned != true
    }

    /// Pushes libpq's buffer into the socket, and waits for readiness where it takes no more.
    private func flush() {
        guard let handle = self.handle, self.phase == .open else { return }
        switch PQflush(handle) {
        case 0: self.readiness?.stopWaitingToWrite()
        case 1: self.readiness?.waitToWrite()
        default: self.lose()
        }
    }

    private func writable() {
        guard self.phase == .open else { return }
        self.lastProgress = .now()
        self.flush()
        self.sendUnsent()
    }

    private func readable() {
        guard self.phase == .open, let handle = self.handle else { return }
        self.lastProgress = .now()
        var isAlive = true
        var roundsLeft = 16
        repeat {
            isAlive = PQconsumeInput(handle) == 1
            self.receive(from: handle)
            roundsLeft -= 1
        } while isAlive && roundsLeft > 0 && self.readiness?.hasMore == true
        guard isAlive, PQstatus(handle) == CONNECTION_OK else { return self.lose() }
        // Others have a turn in between.
        if roundsLeft == 0 { self.onQueue { $0.readable() } }
        // What was read may have made room, or a place for what is sent again.
        if self.readiness?.isWaitingToWrite == true { self.flush() }
        self.considerCancelling()
        self.sendUnsent()
    }

    private func receive(from handle: OpaquePointer) {
        let received = self.pipeline.receive(from: handle)
        self.unsent.append(contentsOf: received.again)
        // The shares first: who gets an answer may come back at once, and finds the connection free.
        if received.shareCount > 0 { self.onEvent(.finished(received.shareCount)) }
        for (request, result) in received.answers { request.complete(result) }
        while let notification = PQnotifies(handle) {
            self.onEvent(
                .notification(
                    channel: String(cString: notification.pointee.relname), payload: String(cString: notification.pointee.extra)))
            PQfreemem(notification)
        }
    }
}

// MARK: Time

extension PostgreSQLLink {
    /// Looks after the time that the server takes to answer, for as long as there is something to answer.
    private func watch() {
        guard self.phase == .open, !self.isWatched, !self.isAtRest else { return }
        self.isWatched = true
        self.checkProgress(after: self.stallThreshold)
    }

    private var isAtRest: Bool { self.pipeline.isEmpty && self.unsent.isEmpty }
    private var patience: Duration { self.configuration.statementTimeout + self.configuration.answerGrace }
    private static let cancellationPatience = Duration.seconds(2)
    /// At zero nothing ever queues behind anything.
    private var stallThreshold: Duration { max(self.configuration.stallThreshold, .milliseconds(10)) }

    private func checkProgress(after pause: Duration) {
        self.executor.queue.asyncAfter(deadline: .now() + pause.seconds) { [weak self] in
            self?.assumeIsolated { $0.checkProgress() }
        }
    }

    private func checkProgress() {
        guard self.phase == .open, !self.isAtRest else {
            self.isWatched = false
            return
        }
        let silence = Duration.nanoseconds(Int64(DispatchTime.now().uptimeNanoseconds - self.lastProgress.uptimeNanoseconds))
        // With an empty pipeline all that there is to wait for is a cancellation that is not delivered.
        let patience = self.pipeline.isEmpty ? Self.cancellationPatience : self.patience
        guard silence < patience else { return self.lose("no answer for \(patience)") }
        let isStalled = silence >= self.stallThreshold
        if isStalled, !self.pipeline.isEmpty { self.sendElsewhere() }
        self.checkProgress(after: min(isStalled ? self.stallThreshold : self.stallThreshold - silence, patience - silence))
    }

    /// What queues behind a statement that keeps the server busy goes to another connection: what was not sent, and what only reads.
    private func sendElsewhere() {
        let reason = DatabaseError(code: .busy, message: "another statement kept the connection; try again later")
        let leaving = self.unsent.filter(\.request.role.isShared)
        self.unsent.removeAll(where: \.request.role.isShared)
        // The shares first, as above.
        if !leaving.isEmpty { self.onEvent(.left(leaving.count)) }
        for waiting in leaving { waiting.request.complete(.failure(PostgreSQLLinkError.notSent(reason))) }
        for slot in self.pipeline.followers where slot.request.role.isMovable {
            slot.request.abandon(PostgreSQLLinkError.overtaken(reason))
        }
    }
}

// MARK: Cancelling

extension PostgreSQLLink {
    /// Asks the server to stop what nobody waits for any more, if that is what it is at, until it has stopped.
    private func considerCancelling() {
        guard self.phase == .open, let request = self.pipeline.first?.request, request.isAbandoned,
            let pause = self.cancelling.begin(request)
        else { return }
        guard pause > .zero else { return self.cancel(request) }
        self.executor.queue.asyncAfter(deadline: .now() + pause.seconds) { [weak self] in
            self?.assumeIsolated { $0.cancel(request) }
        }
    }

    private func cancel(_ request: PostgreSQLRequest) {
        guard self.phase == .open, let handle = self.handle, self.pipeline.first?.request === request,
            let cancellation = PostgreSQLCancellation(handle)
        else {
            self.cancelling.end()
            return self.considerCancelling()
        }
        self.cancelling.send()
        self.pipeline.markVictims()
        // Opens a connection of its own and waits, so that it must not happen on this queue.
        DispatchQueue(label: "roost.postgresql.cancel").async {
            cancellation.send()
            self.onQueue { $0.cancelled() }
        }
    }

    /// It has been delivered, and has hit whatever it has. If it came too early and the statement is still there, once more.
    private func cancelled() {
        self.cancelling.end()
        self.considerCancelling()
        self.sendUnsent()
    }
}
