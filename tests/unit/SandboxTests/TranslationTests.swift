import NIOCore
import Testing

@testable import Sandbox

@Suite("Translation, piece by piece")
struct TranslationTests {
    @Test("source maps lead back to where a piece came from")
    func sourceMap() throws {
        // Line 0 has nothing; line 1: column 2 from 0:4, column 8 from 1:0; line 2: column 0 without a source, column 3 from 0:2.
        let map = try #require(SourceMap(mappings: ";EAAI,MACJ;A,GADE"))
        #expect(map.original(of: SourceMap.Place(line: 0, column: 5)) == nil)
        #expect(map.original(of: SourceMap.Place(line: 1, column: 1)) == nil)
        #expect(map.original(of: SourceMap.Place(line: 1, column: 2)) == SourceMap.Place(line: 0, column: 4))
        #expect(map.original(of: SourceMap.Place(line: 1, column: 7)) == SourceMap.Place(line: 0, column: 4))
        #expect(map.original(of: SourceMap.Place(line: 1, column: 900)) == SourceMap.Place(line: 1, column: 0))
        #expect(map.original(of: SourceMap.Place(line: 2, column: 1)) == nil)
        #expect(map.original(of: SourceMap.Place(line: 2, column: 3)) == SourceMap.Place(line: 0, column: 2))
        #expect(map.original(of: SourceMap.Place(line: 9, column: 0)) == nil)
        let signed = try #require(SourceMap(mappings: "AA+/BA;AADf/A"))
        #expect(signed.original(of: SourceMap.Place(line: 0, column: 0)) == SourceMap.Place(line: 1023, column: 0))
        for malformed in ["A!", "AAA", "AC", "AAAAAAAAg", "ggggggggggA"] {
            #expect(SourceMap(mappings: malformed) == nil, "\(malformed)")
        }
    }

    @Test("packets survive the way there and back, and noise does not crash")
    func packets() throws {
        let value = EsbuildValue.object([
            "null": .null, "bool": .bool(true), "integer": .integer(0xffff_fffe), "string": .string("ä"), "bytes": .bytes([0, 255]),
            "array": .array([.string(""), .object([:]), .array([])]),
        ])
        let packet = EsbuildPacket(id: 0x7fff_ffff, isResponse: true, value: value)
        var encoded = packet.encoded
        let length = encoded.readInteger(endianness: .little, as: UInt32.self)
        #expect(length == UInt32(encoded.readableBytes))
        #expect(try EsbuildPacket(parsing: encoded) == packet)
        let bytes = Array(encoded.readableBytesView)
        var random = SplitMix(state: 1)
        for cut in 0..<bytes.count {
            #expect(throws: EsbuildPacket.Malformed.self) { try EsbuildPacket(parsing: ByteBuffer(bytes: bytes[..<cut])) }
            var noisy = bytes
            noisy[cut] = UInt8(truncatingIfNeeded: random.next())
            _ = try? EsbuildPacket(parsing: ByteBuffer(bytes: noisy))
        }
        let deep: [UInt8] = [0, 0, 0, 0] + Array(repeating: [5, 1, 0, 0, 0], count: 40).joined() + [0]
        #expect(throws: EsbuildPacket.Malformed.self) { try EsbuildPacket(parsing: ByteBuffer(bytes: deep)) }
    }

    @Test("the cache forgets what was not used for longest")
    func cache() {
        var cache = TranslationCache(maxBytes: 4 * 300)
        func program(_ name: String) -> TranslatedProgram { TranslatedProgram(code: name, mappings: "") }
        for name in ["a", "b", "c", "d"] { cache.insert(program(name), for: name) }
        #expect(cache.program(for: "a")?.code == "a")
        cache.insert(program("e"), for: "e")
        #expect(cache.program(for: "b") == nil)
        #expect(cache.program(for: "a") != nil && cache.program(for: "e") != nil)
        cache.insert(program(String(repeating: "x", count: 400)), for: "large")
        #expect(cache.program(for: "large") == nil)
    }

    @Test("stacks show the program's own frames only")
    func stacks() {
        let program = TranslatedProgram(code: "", mappings: "AAAA;AACA;AACA")
        let stack = """
            prelude:12:3
            inner@code.ts:2:7
            @prelude:1:1
            map@[native code]
            code.ts:3:1
            evil@code.ts:99999999999999999999:1
            @code.ts:0:5
            """
        let thrown = program.thrown(name: "E", message: "m", stack: stack)
        #expect(thrown.stack == "    at inner (code.ts:2:1)\n    at code.ts:3:1")
        #expect(thrown.line == 2 && thrown.column == 1)
    }
}
