import Foundation
import JSON
import NIOHTTP1
import SystemPackage
import TestSupport
import Testing

/// Requests that are wrong as HTTP or as REST, over the real gateway: each is refused for what it is, cheaply, and never as a fault of the
/// gateway's own.
@Suite(.serialized, .timeLimit(.minutes(3))) struct MalformedRequestTests {
    @Test("bodies that are no HTTP, and clients that leave in the middle of one, are answered 400 and are no errors of the gateway")
    func brokenBodies() async throws {
        try await RunningRoost.with { roost in
            for (path, key) in [("/api/v1/policies", roost.adminKey), ("/mcp", roost.agentKey)] {
                let chunked = Self.head("POST", path, key, ["Transfer-Encoding: chunked"])
                let broken = [
                    chunked + "ZZ\r\n", chunked + "12345678901234567\r\n", chunked + "2\r\n{}XX", chunked + "-1\r\n",
                    Self.head("POST", path, key, ["Transfer-Encoding: xchunked"]) + "2\r\n{}\r\n0\r\n\r\n",
                ]
                for request in broken {
                    let answer = try RawConnection.exchange(roost, request)
                    #expect(Self.statuses(answer) == [400], "\(request.suffix(40)): \(answer)")
                }
                for request in [chunked + "5\r\n{\"a", Self.head("POST", path, key, ["Content-Length: 10"]) + "{"] {
                    let answer = try RawConnection.exchange(roost, request, isLast: true)
                    #expect([[], [400]].contains(Self.statuses(answer)), "\(request.suffix(40)): \(answer)")
                }
            }
            let log = try roost.gatewayLog()
            #expect(!log.contains("A request failed"))
            #expect(try await roost.call(.GET, "/api/v1/policies", key: roost.adminKey).status == 200)
        }
    }

    @Test("a request has exactly one host; only the probe of the gateway's health needs none")
    func host() async throws {
        try await RunningRoost.with { roost in
            let rest = "Connection: close\r\n\r\n"
            let cases = [
                ("GET / HTTP/1.1\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n", 400), ("GET / HTTP/1.1\r\nHost: a b\r\n", 400),
                ("GET / HTTP/1.1\r\nHost: a,b\r\n", 400), ("GET / HTTP/1.1\r\nHost: user@a\r\n", 400),
                ("GET /healthz HTTP/1.1\r\n", 200), ("GET / HTTP/1.1\r\nHost: [::1]:80\r\n", 200),
                ("GET / HTTP/1.1\r\nHost: roost.example\r\n", 200), ("POST /mcp HTTP/1.1\r\nContent-Length: 0\r\n", 400),
            ]
            for (head, status) in cases {
                let answer = try RawConnection.exchange(roost, head + rest)
                #expect(Self.statuses(answer) == [status], "\(head)")
            }
        }
    }

    @Test("a body's bound is that of its operation, and faults are bounded however many there are")
    func bounds() async throws {
        try await RunningRoost.with { roost in
            let (key, path) = (roost.adminKey, "/api/v1/policies")
            let long: JSONValue = ["pattern": .string(String(repeating: "x", count: 5 << 20)), "action": "allow"]
            #expect(try await roost.call(.POST, path, key: key, body: long).status == 413)
            let document: JSONValue = ["slug": "long", "document": .string(String(repeating: "x", count: 5 << 20))]
            #expect(try await roost.call(.POST, "/api/v1/integrations", key: key, body: document).status == 422)

            let many = JSONValue.object(JSONObject((0..<500_000).lazy.map { (key: "\($0)", value: 1) }))
            try #require(many.bytes().count > 4 << 20)
            #expect(try await roost.call(.POST, path, key: key, body: many).status == 413)
            let fewer = JSONValue.object(JSONObject((0..<20_000).lazy.map { (key: "\($0)", value: 1) }))
            let tooMany = try await roost.call(.POST, path, key: key, body: fewer)
            #expect(tooMany.status == 400 && tooMany.bytes.count < 1000)

            let unknown = JSONValue.object(
                JSONObject((0..<9000).lazy.map { (key: String(repeating: "é", count: 100) + "\($0)", value: 1) }))
            let answer = try await roost.call(.POST, path, key: key, body: unknown)
            #expect(answer.status == 400 && answer.bytes.count < 8192)
            #expect(answer.json["errors"]?.array?.count == 20)
            #expect(answer.json["unlisted_error_count"]?.int == 9002 - 20)
            #expect(answer.json["errors"]?.array?.last?["pointer"]?.string == "/" + String(repeating: "é", count: 64) + "…")
        }
    }

    @Test("faults point to members by JSON Pointer, whatever is in their names, and half a character is refused")
    func fields() async throws {
        try await RunningRoost.with { roost in
            let answer = try await roost.call(.POST, "/api/v1/policies", key: roost.adminKey, body: ["a/b": 1, "m~n": 1, "~1": 1])
            let pointers = answer.json["errors"]?.array?.compactMap { $0["pointer"]?.string } ?? []
            #expect(Set(pointers) == ["/pattern", "/action", "/a~1b", "/m~0n", "/~01"])
            #expect(answer.json["unlisted_error_count"] == nil)

            let half = #"{"name":"main","method":"none","values":{"token":"\ud800"}}"#
            for (path, body) in [("/api/v1/integrations/roost/connections", half), ("/api/v1/keys", #"{"name":"\udfff","role":"agent"}"#)] {
                let request =
                    Self.head(
                        "POST", path, roost.adminKey,
                        ["Content-Length: \(body.utf8.count)", "Content-Type: application/json", "Connection: close"])
                    + body
                let answer = try RawConnection.exchange(roost, request)
                #expect(Self.statuses(answer) == [400] && answer.contains("surrogate"), "\(answer)")
            }
        }
    }

    @Test("a media type may have blanks before its parameters; a content coding is refused")
    func mediaTypes() async throws {
        try await RunningRoost.with { roost in
            let (key, path) = (roost.adminKey, "/api/v1/policies")
            let body: JSONValue = ["pattern": "a.org.b.c", "action": "allow"]
            let blank = [("Content-Type", "application/json ; charset=utf-8"), ("Content-Encoding", "identity")]
            #expect(try await roost.call(.POST, path, key: key, body: body, headers: blank).status == 201)
            #expect(try await roost.call(.POST, path, key: key, body: body, headers: [("Content-Type", "text/json")]).status == 415)
            let coded = try await roost.call(.POST, path, key: key, body: body, headers: [("Content-Encoding", "gzip")])
            #expect(coded.status == 415 && coded.headers.first(name: "Accept-Encoding") == "identity")
            let ping: JSONValue = ["jsonrpc": "2.0", "id": 4, "method": "ping"]
            let message = try await roost.mcp(ping, session: try await roost.openSession(), headers: [("Content-Encoding", "gzip")])
            #expect(message.status == 415 && message.json["error"]?["code"]?.int == -32600)
        }
    }

    @Test("a wrong method on a known path is answered with the methods that it has, an unknown path with 404")
    func methods() async throws {
        try await RunningRoost.with { roost in
            let cases: [(HTTPMethod, String, Int, String?)] = [
                (.PUT, "/api/v1/policies", 405, "GET, HEAD, OPTIONS, POST"), (.POST, "/healthz", 405, "GET, HEAD, OPTIONS"),
                (.POST, "/", 405, "GET, HEAD, OPTIONS"), (.POST, "/api/v1/policies/x", 405, "DELETE, GET, HEAD, OPTIONS, PATCH"),
                (.GET, "/api/v1/executions/x/cancel", 405, "OPTIONS, POST"), (.TRACE, "/mcp", 405, "DELETE, GET, OPTIONS, POST"),
                (.PROPFIND, "/api/v1/keys", 405, "GET, HEAD, OPTIONS, POST"),
                (.DELETE, "/.well-known/oauth-protected-resource", 405, "GET, HEAD, OPTIONS"),
                (.OPTIONS, "/api/v1/policies", 204, "GET, HEAD, OPTIONS, POST"),
                (.GET, "/api/v1/nothing", 404, nil), (.POST, "/api/v1", 404, nil), (.OPTIONS, "/nothing", 404, nil),
                (.GET, "/api/v1/policies/x/y", 404, nil),
            ]
            for (method, path, status, allowed) in cases {
                let answer = try await roost.call(method, path)
                #expect(answer.status == status, "\(method.rawValue) \(path)")
                #expect(answer.headers.first(name: "Allow") == allowed, "\(method.rawValue) \(path)")
                if status >= 400 { #expect(answer.json["status"]?.int == status, "\(method.rawValue) \(path)") }
            }
        }
    }

    @Test("a browser's page may read every answer about MCP and its metadata, errors of routing included")
    func crossOrigin() async throws {
        try await RunningRoost.with { roost in
            let local = ("Origin", "http://localhost:6274")
            let paths: [(HTTPMethod, String, Int)] = [
                (.GET, "/.well-known/oauth-authorization-server", 404), (.GET, "/.well-known/oauth-protected-resource/mcp", 404),
                (.DELETE, "/.well-known/oauth-protected-resource", 405), (.OPTIONS, "/.well-known/openid-configuration", 204),
                (.OPTIONS, "/.well-known/oauth-protected-resource", 204), (.GET, "/mcp/other", 404), (.TRACE, "/mcp", 405),
                (.POST, "/mcp", 401), (.OPTIONS, "/mcp", 204),
            ]
            for (method, path, status) in paths {
                let answer = try await roost.call(method, path, headers: [local])
                #expect(answer.status == status, "\(method.rawValue) \(path)")
                let expected = path.hasPrefix("/mcp") ? local.1 : "*"
                #expect(answer.headers.first(name: "Access-Control-Allow-Origin") == expected, "\(method.rawValue) \(path)")
            }
            let foreign = try await roost.call(.GET, "/mcp/other", headers: [("Origin", "https://evil.example")])
            #expect(foreign.headers.first(name: "Access-Control-Allow-Origin") == nil)
            let rest = try await roost.call(.GET, "/api/v1/nothing", headers: [local])
            #expect(rest.headers.first(name: "Access-Control-Allow-Origin") == nil)
        }
    }

    @Test("path parameters are percent-decoded once, and are refused where nothing sensible comes out")
    func pathParameters() async throws {
        try await RunningRoost.with { roost in
            let cases = [
                ("%72oost", 200), ("roost", 200), ("%2572oost", 404), ("ro%2Fost", 404), ("r%C3%B6st", 404), ("%", 400), ("%zz", 400),
                ("%f", 400), ("%FF", 400), ("%C3", 400), ("roost%00", 400), ("a%0Ab", 400), ("a%7Fb", 400), ("a%C2%85b", 400),
            ]
            for (segment, status) in cases {
                let request = Self.head("GET", "/api/v1/integrations/\(segment)", roost.adminKey, ["Connection: close"])
                let answer = try RawConnection.exchange(roost, request)
                #expect(Self.statuses(answer) == [status], "\(segment)")
            }
        }
    }

    @Test("what was created says where it is only where it can be read")
    func locations() async throws {
        try await RunningRoost.with { roost in
            let policy = try await roost.call(.POST, "/api/v1/policies", key: roost.adminKey, body: ["pattern": "a.*", "action": "allow"])
            let location = try #require(policy.headers.first(name: "Location"))
            #expect(try await roost.call(.GET, location, key: roost.adminKey).json["id"] == policy.json["id"])
            let key = try await roost.call(.POST, "/api/v1/keys", key: roost.adminKey, body: ["name": "a", "role": "agent"])
            #expect(key.status == 201 && key.headers.first(name: "Location") == nil)
            let organization = try await roost.call(
                .POST, "/api/v1/organizations", key: roost.installationKey, body: ["slug": "a", "name": "A"])
            #expect(organization.status == 201 && organization.headers.first(name: "Location") == nil)
        }
    }

    private static func head(_ method: String, _ path: String, _ key: String, _ fields: [String]) -> String {
        let lines = ["\(method) \(path) HTTP/1.1", "Host: 127.0.0.1", "Authorization: Bearer \(key)"] + fields
        let isTyped = fields.contains { $0.hasPrefix("Content-Type") }
        let types = isTyped ? [] : ["Content-Type: application/json", "Accept: application/json, text/event-stream"]
        return (lines + types).joined(separator: "\r\n") + "\r\n\r\n"
    }

    /// The status of every answer in what came over one connection.
    private static func statuses(_ answers: String) -> [Int] {
        answers.matches(of: #/HTTP/1\.1 ([0-9]{3}) /#).compactMap { Int($0.output.1) }
    }
}

extension RunningRoost {
    /// What the gateway has logged.
    fileprivate func gatewayLog() throws -> String {
        String(
            decoding: try Data(contentsOf: URL(fileURLWithPath: self.folder.appending("logs").appending("api-gateway.log").string)),
            as: UTF8.self)
    }
}
