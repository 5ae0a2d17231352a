import Channel
import JSON
import Logging
import MCP
import Model
import SSE
import ServiceLifecycle
import SessionAPI
import Sessions
import Store
import TestSupport
import Testing

/// A whole session service behind the in-memory channel, on a database of its own, with scripted stacks.
struct SessionHarness {
    let store: Store
    let tenant: TestTenant
    let stacks: ScriptedStacks
    let lease: ScriptedLease
    let clock: ManualClock
    let service: SessionService
    let client: SessionClient
    /// Begins the graceful shutdown of the service and its channel.
    let shutDown: @Sendable () async -> Void

    /// Sleepers that the service has when nothing goes on: five kinds of housekeeping.
    static let idleSleepers = 5

    /// Runs `body` with a service on a new database.
    static func run(
        limits: SessionLimits = SessionLimits(), drainExecutions: @escaping @Sendable () async -> Void = {},
        speaking version: ContractVersion = .current, _ body: (SessionHarness) async throws -> Void
    ) async throws {
        var storeLimits = StoreLimits()
        // Nobody renews the lease here, and a test on a busy machine may take long.
        storeLimits.replicaLease = .seconds(600)
        try await withTemporaryStore(limits: storeLimits) { store in
            let tenant = try await store.makeTenant()
            try await Self.run(on: store, tenant, limits: limits, drainExecutions: drainExecutions, speaking: version, body)
        }
    }

    /// Runs `body` with one more service on an existing database.
    static func run(
        on store: Store, _ tenant: TestTenant, lease: ReplicaLease? = nil, limits: SessionLimits = SessionLimits(),
        drainExecutions: @escaping @Sendable () async -> Void = {}, speaking version: ContractVersion = .current,
        _ body: (SessionHarness) async throws -> Void
    ) async throws {
        let (stacks, clock) = (ScriptedStacks(), ManualClock())
        let lease = ScriptedLease(lease ?? tenant.lease)
        var logger = Logger(label: "sessions")
        logger.logLevel = .critical
        let service = SessionService(
            SessionService.Dependencies(
                store: store, registration: lease, stacks: stacks, server: .roost(version: "test"), logger: logger, clock: clock,
                drainExecutions: drainExecutions, speaking: version),
            limits: limits)
        let server = InMemoryChannelServer(handler: service.handler)
        let channel = InMemoryChannelClient(server: server)
        // The client comes first and so is shut down last, as if it were in another process.
        let group = ServiceGroup(services: [channel, server, service], logger: logger)
        let harness = SessionHarness(
            store: store, tenant: tenant, stacks: stacks, lease: lease, clock: clock, service: service,
            client: SessionClient(channel: channel, unread: UnreadAnswers(maxBytes: 256 << 20)),
            shutDown: { await group.triggerGracefulShutdown() })
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            do {
                try await body(harness)
            } catch {
                tasks.cancelAll()
                throw error
            }
            await group.triggerGracefulShutdown()
            // Whoever still sleeps wakes, so that the shutdown need not wait for a clock that stands still.
            clock.advance(by: .seconds(100_000))
            try await tasks.waitForAll()
        }
    }

    // MARK: - Talking to it

    /// The tenant's account on the whole catalog.
    var caller: SessionCaller { SessionCaller(principal: self.tenant.principal, resource: "/mcp") }

    /// A message as bytes.
    static func message(_ method: String, id: String? = "1", params: String? = nil) throws -> MCPEnvelope {
        let id = id.map { #","id":\#($0)"# } ?? ""
        let params = params.map { #","params":\#($0)"# } ?? ""
        return try MCPEnvelope.peek(Array(#"{"jsonrpc":"2.0","method":"\#(method)"\#(id)\#(params)}"#.utf8))
    }

    /// Opens a session; its answer.
    func initialize(
        _ revision: String = "2025-11-25", stale: String? = nil, for caller: SessionCaller? = nil
    ) async throws -> SessionAnswer {
        let params = #"{"protocolVersion":"\#(revision)","capabilities":{"elicitation":{}},"clientInfo":{"name":"test","version":"1"}}"#
        return try await self.client.open(
            try Self.message("initialize", id: "0", params: params), stale: stale, for: caller ?? self.caller, timeout: .seconds(60),
            trace: nil)
    }

    /// Opens a session; its id.
    func open(_ revision: String = "2025-11-25", for caller: SessionCaller? = nil) async throws -> String {
        let answer = try await self.initialize(revision, for: caller)
        try #require(answer.status == 200)
        return try #require(answer.headers.first { $0.name == "mcp-session-id" }?.value)
    }

    /// Sends a message of a session.
    func send(
        _ method: String, id: String? = "1", params: String? = nil, session: String, for caller: SessionCaller? = nil,
        timeout: Duration? = nil
    ) async throws -> SessionAnswer {
        try await self.client.send(
            try Self.message(method, id: id, params: params), session: session, for: caller ?? self.caller, timeout: timeout,
            trace: nil)
    }

    /// Calls a tool.
    func call(
        _ tool: String, id: String = "1", arguments: String = "{}", progressToken: String? = nil, session: String, timeout: Duration? = nil
    ) async throws -> SessionAnswer {
        let meta = progressToken.map { #","_meta":{"progressToken":\#($0)}"# } ?? ""
        let params = #"{"name":"\#(tool)","arguments":\#(arguments)\#(meta)}"#
        return try await self.send("tools/call", id: id, params: params, session: session, timeout: timeout)
    }

    /// Listens on a session, from the beginning of a new stream or after an event of one.
    func listen(_ session: String, after event: String? = nil, for caller: SessionCaller? = nil) async throws -> SessionAnswer {
        try await self.client.listen(session: session, after: event, for: caller ?? self.caller, trace: nil)
    }

    /// Raises the organization's revision.
    func changeOrganization() async throws {
        _ = try await self.store.policies.create(in: self.tenant.organization.id, pattern: "a.**", action: .allow)
    }

    /// Ends a session as its client.
    func close(_ session: String, for caller: SessionCaller? = nil) async throws -> SessionAnswer {
        try await self.client.close(session: session, for: caller ?? self.caller, timeout: .seconds(60), trace: nil)
    }

    /// Lets the answer of a call that has begun become a stream.
    func passEventDelay() async {
        // The call's own bound and the delay come to the housekeeping.
        await self.clock.waitForSleepers(Self.idleSleepers + 2)
        self.clock.advance(by: SessionLimits().eventDelay)
    }

    /// Runs `body` while the clock goes on by itself, a second at every turn.
    func withRunningClock(_ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    self.clock.advance(by: .seconds(1))
                    await Task.yield()
                }
            }
            try await body()
            group.cancelAll()
        }
    }

    /// Waits until something is as it should be.
    func until(_ condition: () async throws -> Bool) async throws {
        while try await !condition() {
            try Task.checkCancellation()
            await Task.yield()
        }
    }
}

/// Reads the events of an answer one by one.
struct EventReader {
    private var chunks: SessionEventStream.AsyncIterator
    private var parser = ServerSentEventParser()
    private var waiting: [ServerSentEvent] = []

    init(_ answer: SessionAnswer) throws { self.chunks = try answer.events.makeAsyncIterator() }

    /// The next event; nil at the end. Comments are none.
    mutating func next() async throws -> ServerSentEvent? {
        while self.waiting.isEmpty {
            guard let chunk = await self.chunks.next() else { return nil }
            self.waiting = try self.parser.parse(chunk)
        }
        return self.waiting.removeFirst()
    }

    /// The next event's message, with its id.
    mutating func message() async throws -> (id: String?, json: JSONValue)? {
        guard let event = try await self.next() else { return nil }
        return (event.id, try JSONValue(parsing: event.data))
    }
}

extension SessionAnswer {
    /// The whole answer as JSON.
    var json: JSONValue {
        get throws {
            guard case .whole(let bytes) = self.body else { throw MCPError(.internalError, "the answer is a stream") }
            return try JSONValue(parsing: bytes)
        }
    }

    /// The code of the JSON-RPC error.
    var errorCode: Int? { (try? self.json)?["error"]?["code"]?.int }

    /// The answer's stream.
    var events: SessionEventStream {
        get throws {
            guard case .events(let events) = self.body else { throw MCPError(.internalError, "the answer is no stream") }
            return events
        }
    }

    /// All messages of the answer's stream.
    var messages: [JSONValue] {
        get async throws {
            var parser = ServerSentEventParser()
            var messages: [JSONValue] = []
            for await chunk in try self.events {
                // An event without data only gives an id.
                for event in try parser.parse(chunk) where !event.data.isEmpty { messages.append(try JSONValue(parsing: event.data)) }
            }
            return messages
        }
    }

    /// The answer itself, whether it came alone or at the end of a stream.
    var last: JSONValue? {
        get async throws {
            if case .whole = self.body { return try self.json }
            return try await self.messages.last
        }
    }

    /// The value of a header field.
    func header(_ name: String) -> String? { self.headers.first { $0.name == name }?.value }
}
