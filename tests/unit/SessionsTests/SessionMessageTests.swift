import Channel
import Database
import JSON
import MCP
import Model
import SessionAPI
import Sessions
import Store
import TestSupport
import Testing

@Suite("Messages of a session", .timeLimit(.minutes(2)))
struct SessionMessageTests {
    @Test("initialize opens a session in the revision asked for and stores only the hash of its id", arguments: MCPRevision.served)
    func opening(revision: MCPRevision) async throws {
        try await SessionHarness.run { harness in
            let answer = try await harness.initialize(revision.rawValue)
            #expect(answer.status == 200)
            #expect(answer.header("content-type") == "application/json")
            #expect(try answer.json["result"]?["protocolVersion"]?.string == revision.rawValue)
            #expect(try answer.json["id"] == 0)
            let token = try #require(answer.header("mcp-session-id"))
            #expect(Base64URL.decode(token)?.count == 32)
            let row = try #require(try await harness.store.sessions.find(hash: SecretHash(of: token), in: harness.tenant.organization.id))
            #expect(row.principal.owner == harness.tenant.principal.owner)
            #expect(row.protocolVersion == revision.rawValue)
            #expect(row.clientCapabilities.string == #"{"elicitation":{}}"#)
            #expect(row.clientInfo?.string == #"{"name":"test","version":"1"}"#)
        }
    }

    @Test("a newer or unknown revision is answered with the newest that has sessions", arguments: ["2026-07-28", "1999-01-01", ""])
    func negotiation(revision: String) async throws {
        try await SessionHarness.run { harness in
            let answer = try await harness.initialize(revision)
            #expect(try answer.json["result"]?["protocolVersion"] == "2025-11-25")
        }
    }

    @Test(
        "a database that cannot do it now is a 503 that says when to ask again, and no fault within Roost",
        arguments: [
            (DatabaseError.Code.unavailable, "1"), (.busy, "1"), (.timeout, "1"), (.closed, "1"), (.readOnly, "10"), (.full, "10"),
        ])
    func databaseUnavailable(code: DatabaseError.Code, seconds: String) async throws {
        try await withMigratedDatabase { base in
            let database = FailingDatabase(base)
            let store = Store(database: database, limits: .patient)
            try await SessionHarness.run(on: store, try await store.makeTenant()) { harness in
                let session = try await harness.open()
                database.fail(.refused(DatabaseError(code: code, message: "secret cause")))
                for answer in [try await harness.initialize(), try await harness.close(session)] {
                    #expect(answer.status == 503 && answer.header("retry-after") == seconds, "\(answer.status)")
                    #expect(try answer.json["error"]?["data"]?["code"]?.string == "unavailable")
                    #expect(try !answer.json.text().contains("secret"))
                }
                database.fail(nil)
                #expect(try await harness.close(session).status == 204)
            }
        }
    }

    @Test("ping, tools/list and tools/call answer in JSON with the request's id, in every revision", arguments: MCPRevision.served)
    func requests(revision: MCPRevision) async throws {
        try await SessionHarness.run { harness in
            let session = try await harness.open(revision.rawValue)
            #expect(try await harness.send("notifications/initialized", id: nil, session: session).status == 202)
            let ping = try await harness.send("ping", id: #""a""#, session: session)
            #expect(ping.status == 200)
            #expect(try ping.json == ["jsonrpc": "2.0", "id": "a", "result": [:]])
            let list = try await harness.send("tools/list", session: session)
            #expect(try list.json["result"]?["tools"]?[0]?["name"] == "echo")
            let call = try await harness.call("echo", id: "-7", arguments: #"{"n":1}"#, session: session)
            #expect(call.header("content-type") == "application/json")
            #expect(try call.json["id"] == -7)
            #expect(try call.json["result"]?["content"] == [["type": "text", "text": #"{"n":1}"#]])
            #expect((try call.json["result"]?["structuredContent"] != nil) == (revision >= .june2025))
        }
    }

    @Test("what a session does not take is refused with the status and code of its kind")
    func refusals() async throws {
        try await SessionHarness.run { harness in
            let session = try await harness.open()
            let cases: [(method: String, params: String?, status: Int, code: Int)] = [
                ("initialize", #"{"protocolVersion":"2025-11-25"}"#, 400, -32600), ("resources/list", nil, 200, -32601),
                ("logging/setLevel", #"{"level":"info"}"#, 200, -32601), ("tools/list", #"{"cursor":"x"}"#, 200, -32602),
                ("tools/call", "{}", 200, -32602), ("tools/call", #"{"name":"nope"}"#, 200, -32602),
            ]
            for row in cases {
                let answer = try await harness.send(row.method, params: row.params, session: session)
                #expect(answer.status == row.status, "\(row.method)")
                #expect(answer.errorCode == row.code, "\(row.method)")
                #expect(try answer.json["id"] == 1, "\(row.method)")
            }
            #expect(try await harness.send("notifications/whatever", id: nil, session: session).status == 202)
            #expect(
                try await harness.send("notifications/cancelled", id: nil, params: #"{"requestId":99}"#, session: session).status == 202)
        }
    }

    @Test("arguments that do not fit are the tool's error since 2025-11-25 and a protocol error before", arguments: MCPRevision.served)
    func invalidArguments(revision: MCPRevision) async throws {
        try await SessionHarness.run { harness in
            harness.stacks.define("picky") { _, _ in .invalidArguments("code is missing") }
            let session = try await harness.open(revision.rawValue)
            let answer = try await harness.call("picky", session: session)
            #expect(answer.status == 200)
            if revision >= .november2025 {
                #expect(try answer.json["result"]?["isError"] == true)
                #expect(try answer.json["result"]?["content"]?[0]?["text"] == "code is missing")
            } else {
                #expect(answer.errorCode == -32602)
            }
        }
    }

    @Test("a fault within a tool tells the client nothing but that it happened; a refusal says what it says")
    func toolFaults() async throws {
        struct Secret: Error {}
        try await SessionHarness.run { harness in
            harness.stacks.define("broken") { _, _ in throw Secret() }
            harness.stacks.define("away") { _, _ in throw MCPError(.unavailable, "Wait.", retryAfter: .seconds(3)) }
            let session = try await harness.open()
            let broken = try await harness.call("broken", session: session)
            #expect(broken.errorCode == -32603)
            #expect(try !broken.json.text().contains("Secret"))
            let away = try await harness.call("away", session: session)
            #expect(away.status == 503)
            #expect(away.header("retry-after") == "3")
            #expect(try away.json["error"]?["data"]?["code"] == "unavailable")
        }
    }

    @Test("a session is unknown to everybody but the principal that opened it, on the resource that it was opened on")
    func ownership() async throws {
        try await SessionHarness.run { harness in
            let session = try await harness.open()
            let other = try await harness.store.makeTenant("other")
            let colleague = try await harness.store.accounts.create(in: harness.tenant.organization.id, name: "colleague")
            func principal(_ account: AccountID, role: Principal.Role = .admin) -> Principal {
                Principal(organization: harness.tenant.organization.id, account: account, role: role, method: .apiKey(APIKeyID()))
            }
            let strangers = [
                SessionCaller(principal: other.principal, resource: "/mcp"),
                SessionCaller(principal: principal(colleague.id), resource: "/mcp"),
                SessionCaller(principal: harness.tenant.principal, resource: "/mcp/toolkits/x"),
            ]
            let unknown = try await harness.send("ping", session: Base64URL.encode([UInt8](repeating: 7, count: 32)))
            #expect(unknown.status == 404)
            for stranger in strangers {
                let answer = try await harness.send("ping", session: session, for: stranger)
                #expect(answer.status == 404)
                #expect(try answer.json == unknown.json)
                #expect(try await harness.close(session, for: stranger).status == 404)
            }
            // The same account with another key and role is the same owner.
            let sameOwner = SessionCaller(principal: principal(harness.tenant.account.id), resource: "/mcp")
            #expect(try await harness.send("ping", session: session, for: sameOwner).status == 200)
            #expect(try await harness.send("tools/list", session: session, for: sameOwner).status == 200)
            #expect(harness.stacks.made.last?.principal == sameOwner.principal)
        }
    }

    @Test("initialize with the id of an open session is refused; with any other id it opens a new one")
    func staleID() async throws {
        try await SessionHarness.run { harness in
            let session = try await harness.open()
            #expect(try await harness.initialize(stale: session).status == 400)
            let other = try await harness.store.makeTenant("other")
            #expect(
                try await harness.initialize(stale: session, for: SessionCaller(principal: other.principal, resource: "/mcp")).status == 200
            )
            #expect(try await harness.initialize(stale: "unknown").status == 200)
            #expect(try await harness.close(session).status == 204)
            #expect(try await harness.initialize(stale: session).status == 200)
        }
    }

    @Test("a session ends once: then it is unknown, and so is ending it again")
    func ending() async throws {
        try await SessionHarness.run { harness in
            let session = try await harness.open()
            #expect(try await harness.close(session).status == 204)
            #expect(try await harness.send("ping", session: session).status == 404)
            #expect(try await harness.close(session).status == 404)
            #expect(try await harness.send("ping", session: session).errorCode == -32600)
        }
    }

    @Test("an admin ends a session by its public name, and a name of another organization is unknown")
    func endingByName() async throws {
        try await SessionHarness.run { harness in
            let session = try await harness.open()
            let hash = SecretHash(of: session)
            let row = try #require(try await harness.store.sessions.find(hash: hash, in: harness.tenant.organization.id))
            let other = try await harness.store.makeTenant("other")
            let stranger = SessionCaller(principal: other.principal, resource: "/api")
            #expect(try await harness.client.close(row.id, for: stranger, timeout: .seconds(60), trace: nil).status == 404)
            #expect(try await harness.send("ping", session: session).status == 200)
            #expect(try await harness.client.close(row.id, for: harness.caller, timeout: .seconds(60), trace: nil).status == 204)
            #expect(try await harness.send("ping", session: session).status == 404)
        }
    }

    @Test("a session that another process closed is unknown within one look at the database")
    func closedElsewhere() async throws {
        try await SessionHarness.run { harness in
            let session = try await harness.open()
            let organization = harness.tenant.organization.id
            let row = try #require(try await harness.store.sessions.find(hash: SecretHash(of: session), in: organization))
            try await harness.store.sessions.close(row.id, in: organization)
            await harness.clock.waitForSleepers(SessionHarness.idleSleepers)
            harness.clock.advance(by: SessionLimits().watchInterval)
            try await harness.until { try await harness.store.sessions.closedSessions(of: harness.tenant.lease).isEmpty }
            #expect(harness.service.sessionCount == 0)
            #expect(try await harness.send("ping", session: session).status == 404)
        }
    }

    @Test("a session that another process closed on PostgreSQL is unknown at once", .enabled(if: TestPostgres.isExpected))
    func closedElsewhereAndTold() async throws {
        try await withPostgreSQLInstallation { installation in
            try await installation.withDatabase(installation.serviceURL) { first in
                try await installation.withDatabase(installation.serviceURL) { second in
                    let (here, there) = (Store(database: first, limits: .patient), Store(database: second, limits: .patient))
                    let tenant = try await here.makeTenant()
                    // Its clock stands still: it never asks by itself.
                    try await SessionHarness.run(on: there, tenant) { harness in
                        let session = try await harness.open()
                        let row = try #require(try await here.sessions.find(hash: SecretHash(of: session), in: tenant.organization.id))
                        try await here.sessions.close(row.id, in: tenant.organization.id)
                        try await harness.until { harness.service.sessionCount == 0 }
                        #expect(try await harness.send("ping", session: session).status == 404)
                    }
                }
            }
        }
    }

    @Test("requests that do not keep to the contract change nothing")
    func contract() async throws {
        try await SessionHarness.run { harness in
            let handler = harness.service.handler
            let cases: [(method: String, path: String, change: (inout ChannelHeaders) -> Void, status: Int)] = [
                ("GET", "/sessions", { _ in }, 404), ("POST", "/", { _ in }, 404), ("DELETE", "/sessions/org_1", { _ in }, 404),
                ("POST", "/messages", { $0["roost-caller"] = nil }, 400), ("POST", "/messages", { $0["roost-contract"] = "two" }, 400),
                ("POST", "/messages", { $0["roost-contract"] = nil }, 400),
                ("POST", "/messages", { $0.append("roost-caller", "acc_x") }, 400),
                ("POST", "/messages", { $0["roost-caller"] = $0["roost-caller"]?.replacing(" agent ", with: " root ") }, 400),
                ("POST", "/messages", { _ in }, 400), ("DELETE", "/sessions", { _ in }, 400), ("POST", "/sessions", { _ in }, 400),
            ]
            for row in cases {
                var headers = harness.caller.headers()
                row.change(&headers)
                let answer = try await handler.respond(to: ChannelRequest(method: row.method, path: row.path, headers: headers))
                #expect(answer.status == row.status, "\(row.method) \(row.path)")
            }
            #expect(harness.service.sessionCount == 0)
        }
    }
}
