import Engine
import ExecutionStack
import JSON
import Model
import Store
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct StackTests {
    @Test("A revoked key gets no stack, and its running programs make no more calls")
    func revoked() async throws {
        try await StackFixture.with { fixture in
            let stack = try await fixture.request()
            guard case .apiKey(let key) = fixture.agent.method else { return }
            _ = try await fixture.store.keys.revoke(key, in: fixture.tenant.organization.id)
            fixture.catalogs.add("api.org.main.get") { _, _ in .success(data: JSONText(1), http: nil) }
            try await eventually {
                try await fixture.result(of: "return await tools.api.org.main.get({})", stack)["error"]?["code"] == "credentials_revoked"
            }
            let error = await #expect(throws: ExecutionStackError.self) { try await fixture.request() }
            #expect(error?.code == .revoked)
        }
    }

    @Test("A set-up that fails half way fails typed and leaves nothing behind")
    func failingSetUp() async throws {
        try await StackFixture.with { fixture in
            fixture.catalogs.isFailing.withLock { $0 = true }
            let error = await #expect(throws: ExecutionStackError.self) { try await fixture.request() }
            #expect(error?.code == .unavailable)
            #expect(fixture.core.runningExecutions == 0)
            let executions = try await fixture.store.executions.list(in: fixture.tenant.organization.id)
            #expect(executions.items.isEmpty)
            let stranger = Principal(
                organization: OrganizationID(), account: AccountID(), role: .agent, method: .token(issuer: "i", subject: "s"))
            await #expect(throws: ExecutionStackError.self) { try await fixture.request(stranger) }
        }
    }

    @Test("No execution inside an execution")
    func nested() async throws {
        try await StackFixture.with { fixture in
            let inside = Principal(
                organization: fixture.agent.organization, account: fixture.agent.account, role: .agent, method: .execution(ExecutionID()))
            let stack = try await fixture.request(inside)
            let error = await #expect(throws: ExecutionStackError.self) { try await stack.execute("return 1") }
            #expect(error?.code == .nestedExecution)
        }
    }

    @Test("A policy change binds the next call within a second, without a restart of anything")
    func policyChange() async throws {
        try await StackFixture.with { fixture in
            fixture.catalogs.add("api.org.main.post", .write) { _, _ in .success(data: JSONText(1), http: nil) }
            let stack = try await fixture.session()
            let code = "return await tools.api.org.main.post({})"
            #expect(try await fixture.result(of: code, stack)["error"]?["code"] == "approval_required")
            let policy = try await fixture.store.policies.create(
                in: fixture.tenant.organization.id, pattern: "api.org.main.post", action: .allow)
            try await bound { try await fixture.result(of: code, stack)["ok"] == true }
            _ = try await fixture.store.policies.update(policy.id, action: .block, in: fixture.tenant.organization.id)
            try await bound { try await fixture.result(of: code, stack)["error"]?["code"] == "tool_not_found" }
        }
    }

    @Test("An execution is shown with the outcome that was answered, to its owner and to admins")
    func show() async throws {
        try await StackFixture.with { fixture in
            let stack = try await fixture.request()
            let reply = try await stack.execute("console.log('x'); return { a: 1 }")
            for other in [stack, try await fixture.session(), try await fixture.request(fixture.admin)] {
                let stored = try await other.execution(reply.execution)
                #expect(stored.outcome == reply.toolResult)
                #expect(stored.record.state == .completed)
            }
            #expect(try await stack.executions().items.map(\.id) == [reply.execution])
            let admins = try await fixture.request(fixture.admin).execute("return 1")
            #expect(try await fixture.request(fixture.admin).executions().items.count == 2)
            #expect(try await stack.executions().items.count == 1, "an agent sees its own")
            let error = await #expect(throws: ExecutionStackError.self) { try await stack.execution(admins.execution) }
            #expect(error?.code == .notFound)
            let cancelError = await #expect(throws: ExecutionStackError.self) { try await stack.cancel(admins.execution) }
            #expect(cancelError?.code == .notFound)
        }
    }

    @Test("Another organization sees nothing of an execution")
    func otherOrganization() async throws {
        try await StackFixture.with { fixture in
            let reply = try await fixture.request().execute("return 1")
            let other = try await fixture.store.makeTenant("other")
            let stranger = try await fixture.request(try await fixture.store.makePrincipal(.admin, in: other))
            #expect(try await stranger.executions().items.isEmpty)
            await #expect(throws: ExecutionStackError.self) { try await stranger.execution(reply.execution) }
            await #expect(throws: ExecutionStackError.self) { try await stranger.cancel(reply.execution) }
        }
    }

    @Test("A running program is cancelled by another stack, and once it has ended there is nothing to cancel")
    func cancel() async throws {
        try await StackFixture.with { fixture in
            let stack = try await fixture.session()
            async let reply = stack.execute("await new Promise((resolve) => setTimeout(resolve, 20_000))")
            let other = try await fixture.request()
            let execution = try await fixture.runningExecution(other)
            #expect(try await other.cancel(execution) == .running)
            let ended = try await reply
            #expect(ended.state == .cancelled)
            #expect(try await other.execution(execution).record.state == .cancelled)
            #expect(try await other.cancel(execution) == .cancelled)
        }
    }

    @Test("A cancellation that only the database knows of stops the program too")
    func cancelThroughDatabase() async throws {
        try await StackFixture.with { fixture in
            let stack = try await fixture.session()
            async let reply = stack.execute("await new Promise((resolve) => setTimeout(resolve, 20_000))")
            let execution = try await fixture.runningExecution(stack)
            _ = try await fixture.store.executions.requestCancel(execution, in: fixture.tenant.organization.id)
            #expect(try await reply.state == .cancelled)
        }
    }

    @Test("An execution whose process died is shown with the same typed answer every time")
    func orphan() async throws {
        try await StackFixture.with { fixture in
            let gone = try await fixture.store.replicas.register(ReplicaID(), kind: .apiGateway, address: "", version: "test")
            let draft = ExecutionDraft(
                principal: fixture.agent, session: nil, client: .rest, codeHash: "", seed: 1, startedAt: .now(), owner: gone.lease)
            try await fixture.store.executions.start(draft)
            try await fixture.store.replicas.deregister(gone.lease)
            let stack = try await fixture.request()
            try await eventually { try await stack.execution(draft.id).record.state == .failed }
            let outcome = try #require(try await stack.execution(draft.id).outcome).value()
            #expect(outcome["isError"] == true)
            #expect(outcome["structuredContent"]?["error"]?["code"] == "execution_interrupted")
        }
    }
}

extension StackFixture {
    /// The result of a program.
    func result(of code: String, _ stack: ExecutionStack) async throws -> JSONValue {
        try await stack.execute(code).structuredContent.value()["result"] ?? .null
    }

    /// The one execution that runs now.
    func runningExecution(_ stack: ExecutionStack) async throws -> ExecutionID {
        var found: ExecutionID?
        try await eventually {
            found = try await stack.executions().items.first { $0.state == .running }?.id
            return found != nil
        }
        return try #require(found)
    }
}

/// Looks again and again until a change that was just acknowledged is in force, which it must be for every look that starts more than a
/// second later, however long the look itself takes.
func bound(_ isInForce: () async throws -> Bool) async throws {
    let change = ContinuousClock.now
    while true {
        let start = ContinuousClock.now
        if try await isInForce() { return }
        try #require(change.duration(to: start) <= .seconds(1), "the change was not in force after a second")
    }
}

/// Looks again and again until something is true, for what happens in another process or on another clock; a minute at most.
func eventually(_ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while try await !condition() {
        try #require(ContinuousClock.now < deadline, "it did not happen within a minute")
        await Task.yield()
    }
}
