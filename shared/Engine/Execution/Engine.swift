import Crypto
package import Logging
package import Model
package import Sandbox
package import Store

/// Code mode for one principal: runs programs in the sandbox, answers their tool calls, shapes and stores what becomes of them.
///
/// Only `ExecutionStack` makes one, so that there is no way to a run around policies and records.
package struct Engine: Sendable {
    /// On whose behalf, and through which door, programs come in.
    package struct Scope: Sendable {
        package let principal: Principal
        package let client: ExecutionRecord.Client
        /// The MCP session; nil over REST.
        package let session: SessionRecordID?

        package init(principal: Principal, client: ExecutionRecord.Client, session: SessionRecordID?) {
            self.principal = principal
            self.client = client
            self.session = session
        }
    }

    /// What the engine works with.
    package struct Services: Sendable {
        package let sandbox: any SandboxRunning
        package let catalog: any EngineCatalog
        package let authority: AuthorityCache
        package let owner: ExecutionOwner
        package let logger: Logger

        package init(
            sandbox: any SandboxRunning, catalog: any EngineCatalog, authority: AuthorityCache, owner: ExecutionOwner, logger: Logger
        ) {
            self.sandbox = sandbox
            self.catalog = catalog
            self.authority = authority
            self.owner = owner
            self.logger = logger
        }
    }

    private let scope: Scope
    private let services: Services
    private let limits: EngineLimits
    private let clock: any Clock<Duration>

    /// Makes an engine; `clock` is what a run's time is counted with.
    package init(
        scope: Scope, services: Services, limits: EngineLimits = EngineLimits(), clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.scope = scope
        self.services = services
        self.limits = limits
        self.clock = clock
    }

    /// Runs a program and answers with what became of it; whatever the program does wrong is part of the answer.
    ///
    /// Its row is written before it runs, and its end before the answer is given. Cancelling the calling task stops the run, which then
    /// ends `cancelled`; its end is written all the same.
    ///
    /// - Parameter timeLimit: How long the caller waits; a program that takes longer is stopped and fails with `call_timeout`. Nil when
    ///   only the sandbox's own limits count.
    /// - Parameter execution: What the execution is called; nothing runs when there is one of this name.
    package func execute(
        _ code: String, within timeLimit: Duration? = nil, as execution: ExecutionID = ExecutionID()
    ) async throws(EngineError) -> ExecutionAnswer {
        try self.check(code)
        let running = try self.services.owner.begin(execution)
        defer { self.services.owner.finish(execution) }
        let draft = ExecutionDraft(
            id: execution, principal: self.scope.principal, session: self.scope.session, client: self.scope.client,
            codeHash: Self.hash(code), seed: .random(in: .min ... .max), startedAt: .now(), owner: running.lease)
        try await self.services.owner.recordStart(draft)
        let journal = self.services.owner.journal(of: execution, in: self.scope.principal.organization, running)
        let run = ProgramRun(
            sandbox: self.services.sandbox, limits: self.limits.sandbox, seed: draft.seed, startTime: draft.startedAt,
            dispatcher: self.dispatcher(execution, journal), watch: self.watch(timeLimit),
            callNoteDelay: self.limits.callNoteDelay)
        let ending = await run.run(code, until: running.signal)
        let calls = journal.close()
        let rendered = ending.rendered(by: AnswerRenderer(execution: execution, limits: self.limits.answer), journal.report)
        return try await self.record(rendered, calls, journal.report, lease: running.lease)
    }

    private func check(_ code: String) throws(EngineError) {
        guard !self.scope.principal.isExecution else {
            throw EngineError(
                code: .nestedExecution, message: "A program cannot run another program: there is no execution inside an execution.")
        }
        guard code.utf8.count <= self.limits.sandbox.maxSourceBytes else {
            throw EngineError(
                code: .invalidProgram, message: "A program may have at most \(self.limits.sandbox.maxSourceBytes) bytes.")
        }
        guard code.contains(where: { !$0.isWhitespace }) else {
            throw EngineError(code: .invalidProgram, message: "The program is empty. Send TypeScript, for example `return 1 + 1`.")
        }
        guard !code.utf8.contains(0) else {
            throw EngineError(code: .invalidProgram, message: "A program holds no NUL characters.")
        }
    }

    private func watch(_ timeLimit: Duration?) -> RunWatch {
        let (authority, principal, clock) = (self.services.authority, self.scope.principal, self.clock)
        return RunWatch(
            timeLimit: timeLimit, standingInterval: self.limits.standingInterval, sleep: { try await clock.sleep(for: $0) },
            isActive: { try await authority.snapshot(for: principal).isPrincipalActive },
            changeNumber: { authority.changeNumber(of: principal.organization) },
            untilChanged: { await authority.untilChanged(principal.organization, since: $0) })
    }

    private func dispatcher(_ execution: ExecutionID, _ journal: CallJournal) -> ToolDispatcher {
        ToolDispatcher(
            execution: execution, principal: self.scope.principal, catalog: self.services.catalog, authority: self.services.authority,
            journal: journal, limits: self.limits.calls, logger: self.services.logger)
    }

    private func record(
        _ rendered: RenderedAnswer, _ calls: [ExecutionCallEnd], _ report: CallReport, lease: ReplicaLease
    ) async throws(EngineError) -> ExecutionAnswer {
        let answer = rendered.answer
        let end = OwnerState.UnrecordedEnd(
            execution: answer.execution, organization: self.scope.principal.organization, lease: lease,
            end: ExecutionEnd(state: answer.state, outcome: rendered.stored, errorCode: answer.failure?.code, calls: calls))
        let owner = self.services.owner
        // The end must be written although the caller may be gone, and a task that was cancelled can no longer use the database. This
        // task is awaited here and nowhere else, so it outlives nothing.
        let result = await Task { () async -> Result<ExecutionRepository.Finish, EngineError> in
            do throws(EngineError) { return .success(try await owner.recordEnd(end, report)) } catch { return .failure(error) }
        }.value
        switch try result.get() {
        case .recorded: return answer
        // The answer to an earlier try was lost: what is stored is this very end.
        case .alreadyEnded(end.end.state, errorCode: end.end.errorCode): return answer
        case .alreadyEnded: return .interrupted(answer.execution, report, limits: self.limits.answer)
        }
    }

    /// SHA-256 in hexadecimal.
    private static func hash(_ code: String) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in SHA256.hash(data: Array(code.utf8)) { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }
}
