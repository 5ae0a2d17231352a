import Engine
import JSON
import Model
import Sandbox
import Synchronization
import Testing

@Suite struct ToolCallTests {
    private let harness = EngineHarness()

    @Test("An allowed call gives ok, data and http, whether or not its path starts with tools.", arguments: ["", "tools."])
    func allowed(prefix: String) async throws {
        self.harness.catalog.add("api.org.main.items.get", .read)
        let reply = try await self.harness.call("\(prefix)api.org.main.items.get", ["id": 7])
        #expect(reply == ["ok": true, "data": ["id": 7], "http": ["status": 200, "headers": ["a": "1, 2"]]])
    }

    @Test("Data passes byte for byte")
    func rawData() async throws {
        let text = #"{"n":1.000000000000000000001,"b":2,"a":1}"#
        let data = try JSONText(validating: text)
        self.harness.catalog.add("api.org.main.get", .read) { _, _ in .success(data: data, http: nil) }
        let raw = try await self.harness.result { realm in
            guard case .spliced(let pieces) = await realm.onCall(.init(id: 1, path: "api.org.main.get", argument: nil)) else { return nil }
            return .string(String(decoding: pieces.prefix + pieces.body.bytes + pieces.suffix, as: UTF8.self))
        }
        #expect(raw == .string(#"{"ok":true,"data":"# + text + "}"))
    }

    @Test("A failed call gives ok false and everything that is known of the error")
    func failed() async throws {
        self.harness.catalog.add("api.org.main.get", .read) { _, _ in
            .failure(
                ToolError(
                    code: "upstream_http_error", message: "m", status: 429, details: JSONText(["a": 1]), retryable: true,
                    retryAfter: .milliseconds(1500)))
        }
        let reply = try await self.harness.call("api.org.main.get")
        #expect(
            reply == [
                "ok": false,
                "error": [
                    "code": "upstream_http_error", "message": "m", "status": 429, "details": ["a": 1], "retryable": true,
                    "retryAfter": 1.5,
                ],
            ])
    }

    @Test(
        "A path that names no tool gives tool_not_found and suggestions",
        arguments: ["api.org.main.gett", "api", "api.org.main", "api.team.main.get", "search.x", "describe", "roost.sources", "."])
    func unknown(path: String) async throws {
        self.harness.catalog.add("api.org.main.get", .read)
        let reply = try await self.harness.call(path)
        #expect(reply["ok"] == false)
        #expect(reply["error"]?["code"] == "tool_not_found")
        if path.hasPrefix("api") { #expect(reply["error"]?["details"]?["suggestions"] == ["api.org.main.get"]) }
    }

    @Test("A blocked tool looks exactly like one that does not exist")
    func blocked() async throws {
        self.harness.catalog.add("api.org.main.get", .read, required: ["id"])
        self.harness.catalog.add("api.org.main.other", .read)
        self.harness.authority.set(("api.org.main.get", .block))
        let blocked = try await self.harness.call("api.org.main.get")
        let unknown = try await self.harness.call("api.org.main.nope")
        #expect(blocked["error"]?["code"] == "tool_not_found")
        let renamed = blocked.text().replacing("api.org.main.get", with: "api.org.main.nope")
        #expect(renamed == unknown.text())
        #expect(self.harness.catalog.calls.withLock { $0 }.isEmpty)
        let described = try await self.harness.call("describe.tool", ["path": "api.org.main.get"])
        #expect(described["error"]?["code"] == "tool_not_found")
        #expect(try await self.harness.call("search", ["query": "get"])["total"] == 0)
    }

    @Test("A write is refused and the error names the policy to set and where")
    func approvalByDefault() async throws {
        self.harness.catalog.add("api.org.main.post", .write)
        let error = try #require(try await self.harness.call("api.org.main.post")["error"])
        #expect(error["code"] == "approval_required")
        #expect(error["details"]?["policy"] == ["pattern": "api.org.main.post", "action": "allow"])
        #expect(error["details"]?["where"] == "POST /api/v1/policies")
        #expect(error["details"]?["decidedBy"] == ["effect": "write"])
        #expect(error["message"]?.string?.contains("`api.org.main.post`") == true)
        #expect(self.harness.catalog.calls.withLock { $0 }.isEmpty)

        self.harness.authority.set(("api.org.main.post", .allow))
        #expect(try await self.harness.call("api.org.main.post")["ok"] == true, "setting that policy lets the call through")
    }

    @Test("A refusal by a policy names that policy; for a read, removing it is all there is to do", arguments: ToolEffect.allCases)
    func approvalByPolicy(effect: ToolEffect) async throws {
        self.harness.catalog.add("api.org.main.call", effect)
        self.harness.authority.set(("api.*", .requireApproval), ("api.org.main.call", .allow))
        let error = try #require(try await self.harness.call("api.org.main.call")["error"])
        #expect(error["code"] == "approval_required")
        #expect(error["details"]?["decidedBy"]?["pattern"] == "api.*")
        #expect(error["message"]?.string?.contains("remove that policy") == true)
        #expect((error["details"]?["policy"] == nil) == (effect == .read))
    }

    @Test("Arguments are checked before approval is looked at")
    func argumentsFirst() async throws {
        self.harness.catalog.add("api.org.main.post", .write, required: ["title"])
        #expect(try await self.harness.call("api.org.main.post")["error"]?["code"] == "invalid_tool_arguments")
        #expect(try await self.harness.call("api.org.main.post", ["title": "t"])["error"]?["code"] == "approval_required")
    }

    @Test("Arguments that are not one object are refused", arguments: ["text", 1, nil, ["a"], true] as [JSONValue])
    func oddArguments(argument: JSONValue) async throws {
        self.harness.catalog.add("api.org.main.get", .read)
        #expect(try await self.harness.call("api.org.main.get", argument)["error"]?["code"] == "invalid_tool_arguments")
    }

    @Test("Arguments beyond their bounds are refused")
    func largeArguments() async throws {
        self.harness.catalog.add("api.org.main.get", .read)
        let large: JSONValue = ["a": .string(String(repeating: "a", count: 5 << 20))]
        #expect(try await self.harness.call("api.org.main.get", large)["error"]?["code"] == "invalid_tool_arguments")
        let many: JSONValue = ["a": .array(Array(repeating: 0, count: 200_001))]
        #expect(try await self.harness.call("api.org.main.get", many)["error"]?["code"] == "invalid_tool_arguments")
    }

    @Test("A path that is missing throws")
    func noPath() async throws {
        let reply = try await self.harness.call("")
        #expect(reply["thrown"] == "TypeError")
        #expect(reply["message"]?.string?.contains("Path missing") == true)
    }

    @Test("A defect shows nothing but a number")
    func defect() async throws {
        struct Secretive: Error { let detail = "postgres://user:password@host" }
        self.harness.catalog.add("api.org.main.get", .read) { _, _ in throw Secretive() }
        let reply = try await self.harness.call("api.org.main.get")
        #expect(reply["thrown"] == "Error")
        let message = try #require(reply["message"]?.string)
        #expect(message.wholeMatch(of: /internal tool error [0-9a-f]{8}/) != nil)
    }

    @Test("Without readable policies no call is made, and the error says to try again")
    func policiesUnavailable() async throws {
        self.harness.catalog.add("api.org.main.get", .read)
        self.harness.authority.state.withLock { $0.isFailing = true }
        let error = try #require(try await self.harness.call("api.org.main.get")["error"])
        #expect(error["code"] == "policies_unavailable")
        #expect(error["retryable"] == true)
        #expect(self.harness.catalog.calls.withLock { $0 }.isEmpty)
    }

    @Test("A revoked key makes no call")
    func revoked() async throws {
        self.harness.catalog.add("api.org.main.get", .read)
        self.harness.authority.state.withLock { $0.isActive = false }
        #expect(try await self.harness.call("api.org.main.get")["error"]?["code"] == "credentials_revoked")
    }

    @Test("A policy that changes during a run binds its next call")
    func policyChangeDuringRun() async throws {
        self.harness.catalog.add("api.org.main.get", .read)
        let authority = self.harness.authority
        let result = try await self.harness.result { realm in
            let before = await realm.call("api.org.main.get", id: 1)
            authority.set(("*", .block))
            let after = await realm.call("api.org.main.get", id: 2)
            return [before["ok"] ?? .null, after["error"]?["code"] ?? .null]
        }
        #expect(result == [true, "tool_not_found"])
    }

    @Test("A call knows its principal, execution and number")
    func context() async throws {
        let principal = self.harness.principal
        self.harness.catalog.add("api.org.main.get", .read) { _, context in
            let isRight = context.principal == principal && context.sequence == 9
            return .success(data: JSONText([.bool(isRight), .string(context.execution.rawValue)]), http: nil)
        }
        let answer = try await self.harness.engine(.returning { await $0.call("api.org.main.get", id: 9)["data"] }).execute("return 1")
        #expect(try answer.structuredContent.value()["result"] == [true, .string(answer.execution.rawValue)])
    }
}
