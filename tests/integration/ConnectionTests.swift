import JSON
import Testing

/// What a client may do with a connection to the real gateway, where MCP and everything else share it.
@Suite(.serialized, .timeLimit(.minutes(3))) struct ConnectionTests {
    @Test("requests sent ahead, to MCP and to others in turn, are answered in their order")
    func pipelining() async throws {
        try await RunningRoost.with { roost in
            let session = try await roost.openSession()
            let ping = { (id: Int, last: Bool) in
                let body = #"{"jsonrpc":"2.0","id":\#(id),"method":"ping"}"#
                let fields = last ? ["Connection: close"] : []
                return Self.post(roost, session, fields + ["Content-Length: \(body.utf8.count)"]) + body
            }
            let health = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
            let requests = [ping(1, false), health, ping(2, false), ping(3, false), health, ping(4, true)]
            let answer = try RawConnection.exchange(roost, requests.joined())
            let order = answer.matches(of: #/"id":([0-9])|"status":"ok"|HTTP/1\.1 200/#).map { $0.output.1.map(String.init) ?? "-" }
            #expect(order.filter { $0 != "-" } == ["1", "2", "3", "4"], "\(answer)")
            #expect(answer.matches(of: #/HTTP/1\.1 200 OK/#).count == 6)
            let second = try #require(answer.firstRange(of: #""id":2"#)?.lowerBound)
            #expect(answer[..<second].matches(of: #/HTTP/1\.1 200 OK/#).count == 3)
        }
    }

    @Test("a message may come in chunks, to a whole URI, with HTTP/1.0, or as HEAD, which has no body in its answer")
    func forms() async throws {
        try await RunningRoost.with { roost in
            let session = try await roost.openSession()
            let body = #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#
            let chunks = body.map { "1\r\n\($0)\r\n" }.joined() + "0\r\n\r\n"
            let chunked = try RawConnection.exchange(
                roost, Self.post(roost, session, ["Transfer-Encoding: chunked", "Connection: close"]) + chunks)
            #expect(chunked.contains("200 OK") && chunked.contains(#""id":1"#))
            for target in ["http://127.0.0.1/mcp", "/mcp/", "/mcp?x=1", "//mcp"] {
                let request = Self.post(roost, session, ["Content-Length: \(body.utf8.count)", "Connection: close"], target: target) + body
                #expect(try RawConnection.exchange(roost, request).contains(#""id":1"#), "\(target)")
            }
            // It closes by itself.
            let old = Self.post(roost, session, ["Content-Length: \(body.utf8.count)"], version: "1.0") + body
            #expect(try RawConnection.exchange(roost, old).contains(#""id":1"#))
            let head = try RawConnection.exchange(
                roost, "HEAD /mcp HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(roost.agentKey)\r\nConnection: close\r\n\r\n")
            #expect(head.hasPrefix("HTTP/1.1 405") && head.hasSuffix("\r\n\r\n"), "\(head)")
        }
    }

    @Test("a message that is too large for the event loop is read elsewhere and answered like any other")
    func largeMessage() async throws {
        try await RunningRoost.with { roost in
            let session = try await roost.openSession()
            let code = "return 1 // " + String(repeating: "x", count: 200_000)
            #expect(try await roost.execute(code, session: session)["structuredContent"]?["result"]?.int == 1)
        }
    }

    @Test("a stream to a client of HTTP/1.0 ends with its connection, which is all that tells it")
    func oldStream() async throws {
        try await NotesAPI.with { notes in
            try await RunningRoost.with(["ROOST_EGRESS_ALLOW": notes.address]) { roost in
                try await notes.register(with: roost)
                let session = try await roost.openSession()
                let code = "return (await tools.notes.org.main.notes.slow({ seconds: 1 })).ok"
                let body =
                    #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"execute","arguments":{"code":"\#(code)"}}}"#
                let fields = ["Content-Length: \(body.utf8.count)", "Connection: keep-alive"]
                let answer = try RawConnection.exchange(roost, Self.post(roost, session, fields, version: "1.0") + body)
                #expect(answer.contains("text/event-stream") && answer.lowercased().contains("connection: close"), "\(answer)")
                #expect(answer.contains(#""id":1"#) && answer.contains("true"), "\(answer)")
            }
        }
    }

    @Test("a message without an end gets its answer when it is refused before, and the connection goes on with the next")
    func refusedEarly() async throws {
        try await RunningRoost.with { roost in
            let connection = try RawConnection(roost)
            try connection.write(
                "POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAccept: */*\r\nContent-Length: 4\r\n\r\n12")
            #expect(connection.readUntil("\r\n\r\n").contains("401"))
            try connection.write("34GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            #expect(connection.readAll().contains("200 OK"))
        }
    }

    @Test("a client that sends nothing after its requests gets their answers, and the connection's end")
    func halfClosed() async throws {
        try await RunningRoost.with(RunningRoost.patience) { roost in
            let session = try await roost.openSession()
            let message = { (id: Int, method: String, params: String) in
                let body = #"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)","params":\#(params)}"#
                return Self.post(roost, session, ["Content-Length: \(body.utf8.count)"]) + body
            }
            let ping = message(1, "ping", "{}")
            #expect(try RawConnection.exchange(roost, ping, isLast: true).contains(#""id":1,"#))
            // This one is answered as a stream, long after the client's last word.
            let code = "await new Promise((resolve) => setTimeout(resolve, 1000)); return 'woke'"
            let call = message(2, "tools/call", #"{"name":"execute","arguments":{"code":"\#(code)"}}"#)
            let answer = try RawConnection.exchange(roost, call, isLast: true)
            #expect(answer.contains("text/event-stream") && answer.contains("woke"), "\(answer)")
            let several = try RawConnection.exchange(
                roost, ping + "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" + message(3, "ping", "{}"), isLast: true)
            #expect(several.matches(of: #/HTTP/1\.1 200 OK/#).count == 3 && several.contains(#""id":3,"#), "\(several)")
            // More than a socket takes at once is not cut off either.
            let long = "emit({ type: 'image', mimeType: 'image/png', data: 'A'.repeat(4_000_000) }); return 'whole'"
            let large = message(4, "tools/call", #"{"name":"execute","arguments":{"code":"\#(long)"}}"#)
            let whole = try RawConnection.exchange(roost, large, isLast: true)
            #expect(whole.utf8.count > 4_000_000 && whole.contains("whole"), "\(whole.utf8.count): \(whole.prefix(500))")
        }
    }

    @Test("an offer of another protocol is declined, and the client told that the connection ends")
    func upgrade() async throws {
        try await RunningRoost.with { roost in
            let offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
            let body = #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#
            let session = try await roost.openSession()
            let ping = Self.post(roost, session, offer.split(separator: "\r\n").map(String.init) + ["Content-Length: \(body.utf8.count)"])
            for request in ["GET /healthz HTTP/1.1\r\nHost: a\r\n\(offer)\r\n", ping + body] {
                let answer = try RawConnection.exchange(roost, request)
                #expect(answer.hasPrefix("HTTP/1.1 200 OK") && answer.lowercased().contains("connection: close"), "\(answer)")
            }
        }
    }

    @Test("a body without an end is not read without one after its request is refused")
    func endlessBody() async throws {
        try await RunningRoost.with(["ROOST_GATEWAY_MAX_MESSAGE_BYTES": "1MiB", "ROOST_GATEWAY_MAX_DOCUMENT_BYTES": "1MiB"]) { roost in
            for (path, field) in [("/mcp", ""), ("/api/v1/policies", ""), ("/api/v1/policies", "Connection: close\r\n")] {
                let connection = try RawConnection(roost)
                try connection.write(
                    "POST \(path) HTTP/1.1\r\nHost: a\r\n\(field)Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
                #expect(connection.readUntil("\r\n\r\n").contains("401"))
                let chunk = "10000\r\n" + String(repeating: "x", count: 1 << 16) + "\r\n"
                // What the sockets' buffers take comes to the bound.
                let written = (0..<1000).prefix { _ in connection.writes(chunk) }.count
                #expect(written < 1000, "\(path) \(field)")
            }
        }
    }

    private static func post(
        _ roost: RunningRoost, _ session: String, _ fields: [String], target: String = "/mcp", version: String = "1.1"
    ) -> String {
        let lines = [
            "POST \(target) HTTP/\(version)", "Host: 127.0.0.1", "Authorization: Bearer \(roost.agentKey)", "Mcp-Session-Id: \(session)",
            "Content-Type: application/json", "Accept: application/json, text/event-stream",
        ]
        return (lines + fields).joined(separator: "\r\n") + "\r\n\r\n"
    }
}
