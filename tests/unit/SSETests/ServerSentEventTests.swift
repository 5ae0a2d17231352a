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
        let lines = [
            "\u{FEFF}: hello", "event: message", "data: {\"a\":1}", "", "data:x", "data: y", "unknown: z", "", "id: 7", "retry: 20", "data",
            "",
            "data: lost",
        ]
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

    @Test("data cannot end its event, whatever line breaks it holds", arguments: ["\n", "\r\n", "\r"])
    func lineBreaksInData(lineEnd: String) throws {
        let event = ServerSentEvent(data: Array("a\(lineEnd)\(lineEnd)event: b\(lineEnd)".utf8))
        #expect(String(decoding: event.bytes(), as: UTF8.self) == "data: a\ndata: \ndata: event: b\ndata: \n\n")
        var parser = ServerSentEventParser()
        #expect(try parser.parse(event.bytes()) == [ServerSentEvent(data: Array("a\n\nevent: b\n".utf8))])
    }

    @Test("a comment is written line by line and read as nothing")
    func comments() throws {
        #expect(ServerSentEvent.keepAlive == Array(": keep-alive\n\n".utf8))
        #expect(ServerSentEvent.comment("a\ndata: b") == Array(": a\n: data: b\n\n".utf8))
        var parser = ServerSentEventParser()
        #expect(try parser.parse(ServerSentEvent.comment("a\ndata: b")).isEmpty)
    }

    @Test("a retry that is no number and an id with a null byte are ignored")
    func invalidFields() throws {
        var parser = ServerSentEventParser()
        let events = try parser.parse("retry: 1s\nretry: -1\nretry:\nid: a\0b\ndata: x\n\n".utf8)
        #expect(events == [ServerSentEvent(data: Array("x".utf8))])
    }

    @Test("random events survive random line ends and random chunks", arguments: 0..<40 as Range<UInt64>)
    func randomChunks(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var stream: [UInt8] = Bool.random(using: &random) ? [0xEF, 0xBB, 0xBF] : []
        var events: [ServerSentEvent] = []
        for _ in 0..<Int.random(in: 1...20, using: &random) {
            let event = ServerSentEvent(
                name: Bool.random(using: &random) ? "n\(Int.random(in: 0...9, using: &random))" : nil,
                id: Bool.random(using: &random) ? "é\(Int.random(in: 0...9, using: &random))" : nil,
                retry: Bool.random(using: &random) ? .milliseconds(Int.random(in: 0...99_999, using: &random)) : nil,
                data: (0..<Int.random(in: 0...40, using: &random)).map { _ in Array("ab:\n {é}".utf8).randomElement(using: &random) ?? 0 })
            events.append(event)
            let lineEnd = ["\n", "\r\n", "\r"].randomElement(using: &random) ?? ""
            stream += event.bytes().flatMap { $0 == UInt8(ascii: "\n") ? Array(lineEnd.utf8) : [$0] }
            if Bool.random(using: &random) { stream += ServerSentEvent.keepAlive }
        }
        var parser = ServerSentEventParser()
        var read: [ServerSentEvent] = []
        var rest = stream[...]
        while !rest.isEmpty {
            let size = Int.random(in: 1...min(rest.count, 30), using: &random)
            read += try parser.parse(rest.prefix(size))
            rest = rest.dropFirst(size)
        }
        #expect(read == events)
    }

    @Test("what is written is read back")
    func roundTrip() throws {
        let events = [
            ServerSentEvent(name: "message", data: Array("{\"jsonrpc\":\"2.0\"}".utf8)),
            ServerSentEvent(id: "a-1", data: Array("\n\n".utf8)),
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

/// A small generator with a seed, so that a failing case can be run again (Steele, Lea and Flood 2014).
private struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
