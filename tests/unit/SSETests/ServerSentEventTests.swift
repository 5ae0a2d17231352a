import SSE
import Testing

@Suite("Server-sent events")
struct ServerSentEventTests {
    @Test("an event is written with one data line per line and an empty line at its end")
    func encoding() {
        let event = ServerSentEvent(name: "message", id: "1", retry: .milliseconds(1500), data: Array("a\nb".utf8))
        #expect(String(decoding: event.bytes(), as: UTF8.self) == "event: message\nid: 1\nretry: 1500\ndata: a\ndata: b\n\n")
        #expect(String(decoding: ServerSentEvent(data: []).bytes(), as: UTF8.self) == "data: \n\n")
    }

    @Test("a line break in a name or an id cannot begin a field")
    func injection() {
        let event = ServerSentEvent(name: "a\r\ndata: x", id: "1\ndata: y", data: [])
        #expect(String(decoding: event.bytes(), as: UTF8.self) == "event: adata: x\nid: 1data: y\ndata: \n\n")
    }

    @Test(
        "events are read the same wherever the chunks are cut",
        arguments: ["\n", "\r\n", "\r"]
    )
    func chunks(lineEnd: String) throws {
        let lines = ["\u{FEFF}: hello", "event: message", "data: {\"a\":1}", "", "data:x", "data: y", "unknown: z", "", "id: 7", "retry: 20", "data", "", "data: lost"]
        let bytes = Array(lines.map { $0 + lineEnd }.joined().utf8)
        let expected = [
            ServerSentEvent(name: "message", data: Array("{\"a\":1}".utf8)), ServerSentEvent(data: Array("x\ny".utf8)),
            ServerSentEvent(id: "7", retry: .milliseconds(20), data: []),
        ]
        for size in 1...bytes.count {
            var parser = ServerSentEventParser()
            var events: [ServerSentEvent] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                events += try parser.parse(bytes[start..<min(start + size, bytes.count)])
            }
            #expect(events == expected)
        }
    }

    @Test("what is written is read back")
    func roundTrip() throws {
        let events = [
            ServerSentEvent(name: "message", data: Array("{\"jsonrpc\":\"2.0\"}".utf8)), ServerSentEvent(id: "a-1", data: Array("\n\n".utf8)),
            ServerSentEvent(retry: .seconds(2), data: [UInt8(ascii: " ")]),
        ]
        var parser = ServerSentEventParser()
        let read = try parser.parse(events.flatMap { $0.bytes() + ServerSentEvent.keepAlive })
        #expect(read == events)
    }

    @Test("an event beyond the bound is an error, whether in one line or in many")
    func bounds() {
        for text in ["data: 123456789\n\n", "data:123\ndata:456\ndata:789\n\n"] {
            #expect(throws: ServerSentEventError.self) {
                var parser = ServerSentEventParser(maxEventBytes: 8)
                _ = try parser.parse(text.utf8)
            }
        }
    }
}
