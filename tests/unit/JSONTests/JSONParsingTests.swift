import JSON
import Testing

@Suite("Reading JSON")
struct JSONParsingTests {
    @Test(
        "An error names its kind and its place",
        arguments: [
            ("", JSONError.Code.unexpectedEnd, 0, 1, 1), ("{\"a\":", .unexpectedEnd, 5, 1, 6), ("[1,\n 2,\n x]", .unexpectedByte, 9, 3, 2),
            ("\"a\nb\"", .invalidString, 2, 1, 3), ("\"\\q\"", .invalidString, 2, 1, 3), ("[01]", .invalidNumber, 1, 1, 2),
            ("[1.]", .invalidNumber, 3, 1, 4), ("1 2", .trailingBytes, 2, 1, 3), ("{\"a\" 1}", .unexpectedByte, 5, 1, 6),
            ("[1 2]", .unexpectedByte, 3, 1, 4),
            ("{a:1}", .unexpectedByte, 1, 1, 2), ("[1,]", .unexpectedByte, 3, 1, 4), ("tru", .unexpectedEnd, 3, 1, 4),
            ("\"\\u12", .unexpectedEnd, 5, 1, 6),
            ("1e123456789012345678", .invalidNumber, 2, 1, 3),
        ])
    func errors(text: String, code: JSONError.Code, offset: Int, line: Int, column: Int) {
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
        #expect(error?.code == code)
        #expect(error?.offset == offset)
        #expect(error?.line == line)
        #expect(error?.column == column)
        let textError = #expect(throws: JSONError.self) { try JSONText(validating: text) }
        #expect(textError?.code == code)
        #expect(textError?.offset == offset)
    }

    @Test(
        "Bytes that are not well-formed UTF-8 are refused",
        arguments: [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE0, 0x80, 0x80], [0xE2, 0x82], [0xED, 0xA0, 0x80],
            [0xF0, 0x80, 0x80, 0x80],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF],
        ] as [[UInt8]])
    func invalidUTF8(sequence: [UInt8]) {
        let bytes = [0x22, 0x61] + sequence + [0x22]
        #expect(throws: JSONError.self) { try JSONValue(parsing: bytes) }.map { #expect($0.code == .invalidUTF8) }
        #expect(throws: JSONError.self) { try JSONText(validating: bytes) }.map { #expect($0.code == .invalidUTF8) }
    }

    @Test("Each limit is kept, and reached exactly")
    func limits() throws {
        func code(_ text: String, _ limits: JSONLimits) -> JSONError.Code? {
            do throws(JSONError) {
                _ = try JSONValue(parsing: text, limits: limits)
                return nil
            } catch { return error.code }
        }
        #expect(code("[[1]]", JSONLimits(maxDepth: 2)) == nil)
        #expect(code("[[1]]", JSONLimits(maxDepth: 1)) == .tooDeep)
        #expect(code("{\"a\":{}}", JSONLimits(maxDepth: 1)) == .tooDeep)
        #expect(code("[1,2]", JSONLimits(maxBytes: 5)) == nil)
        #expect(code("[1,2]", JSONLimits(maxBytes: 4)) == .tooLarge)
        #expect(code("[1,2]", JSONLimits(maxValues: 3)) == nil)
        #expect(code("[1,2]", JSONLimits(maxValues: 2)) == .tooManyValues)
        #expect(code("12345", JSONLimits(maxNumberBytes: 5)) == nil)
        #expect(code("123.5", JSONLimits(maxNumberBytes: 4)) == .numberTooLong)
        #expect(throws: JSONError.self) { try JSONText(validating: "[[1]]", limits: JSONLimits(maxDepth: 1)) }
    }

    @Test("Of members with one name the last counts, in the place of the first; an escaped name is the same name")
    func duplicates() throws {
        let value = try JSONValue(parsing: #"{"a":1,"b":2,"\u0061":3}"#)
        #expect(value.text() == #"{"a":3,"b":2}"#)
    }

    @Test("Half a surrogate pair becomes U+FFFD in a tree and stays as it is in a text")
    func loneSurrogates() throws {
        let source = #"["\ud83d","\ude00","\ud83dx","\ud83d\ud83d\ude00","\ude00\ud83d"]"#
        let value = try JSONValue(parsing: source)
        #expect(value == ["\u{FFFD}", "\u{FFFD}", "\u{FFFD}x", "\u{FFFD}😀", "\u{FFFD}\u{FFFD}"])
        #expect(try JSONText(validating: source).string == source)
    }

    @Test("Half a surrogate pair is refused where the limits say so, and a whole one is not")
    func refusedHalfSurrogates() throws {
        let limits = JSONLimits(allowsHalfSurrogates: false)
        for half in [#"\ud83d"#, #"\ude00"#, #"\ud83dx"#, #"\ud83d\n"#, #"\ud83d\ud83d\ude00"#, #"\ude00\ud83d"#, #"\ud83d\u0041"#] {
            let error = #expect(throws: JSONError.self, "\(half)") { try JSONValue(parsing: #""\#(half)""#, limits: limits) }
            #expect(error?.code == .invalidString)
            #expect(throws: JSONError.self, "\(half)") { try JSONText(validating: Array(#"{"\#(half)":1}"#.utf8), limits: limits) }
        }
        #expect(try JSONValue(parsing: #""a\ud83d\ude00b\u0041""#, limits: limits).string == "a😀bA")
        #expect(throws: JSONError.self) { try JSONValue(parsing: #""\ud83d\u""#, limits: limits) }
    }

    @Test("Every escape is read as what it stands for")
    func escapes() throws {
        let value = try JSONValue(parsing: #""\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\uD83D\uDE00 end""#)
        #expect(value.string == "\"\\/\u{8}\u{C}\n\r\tAé€😀 end")
    }

    @Test("A byte order mark in front is ignored")
    func byteOrderMark() throws {
        let bytes: [UInt8] = [0xEF, 0xBB, 0xBF, 0x31]
        #expect(try JSONValue(parsing: bytes) == 1)
        #expect(try JSONText(validating: bytes).bytes == [0x31])
    }

    @Test("Strings of every length around the scanner's word size are found to their end", arguments: 0..<40)
    func stringLengths(length: Int) throws {
        for special in ["", "\\n", "é", "\\u0000"] {
            let text = "\"" + String(repeating: "x", count: length) + special + String(repeating: "y", count: 40 - length) + "\""
            let value = try JSONValue(parsing: text)
            #expect(value.string?.hasPrefix(String(repeating: "x", count: length)) == true)
            #expect(try JSONValue(parsing: value.bytes()) == value)
        }
    }

    @Test("The documents of the corpus survive being written and read again", Corpus.isRequired, arguments: ["box", "discord"])
    func corpus(name: String) throws {
        let bytes = try Corpus.bytes("openapi/\(name).json")
        let value = try JSONValue(parsing: bytes)
        #expect(try JSONValue(parsing: value.bytes()) == value)
        #expect(try JSONText(validating: bytes).value() == value)
    }
}

@Suite("Random JSON")
struct RandomJSONTests {
    @Test("Random values survive being written, laid out and read again", arguments: 0..<40 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<10 {
            let value = random.value(depth: 5)
            let bytes = value.bytes()
            let again = try JSONValue(parsing: bytes)
            #expect(again == value)
            #expect(again.hashValue == value.hashValue)
            #expect(again.bytes() == bytes)
            let text = try JSONText(validating: bytes)
            #expect(text == JSONText(value))
            #expect(try JSONValue(parsing: text.prettyPrefix(maxCharacters: .max).text) == value)
        }
    }

    @Test(
        "Mutated texts are accepted or refused alike by tree and text, with the same fault at the same place",
        arguments: 0..<40 as Range<UInt64>)
    func mutations(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let alphabet = Array("{}[]:,\"\\/ue+-.0123456789tfn \n\u{0}é".utf8) + [0xFF, 0xC0, 0xEF, 0xBB, 0xBF]
        var bytes = random.value(depth: 4).bytes()
        for _ in 0..<250 {
            let position = Int.random(in: 0...bytes.count, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: bytes.insert(alphabet.randomElement(using: &random) ?? 0, at: position)
            case 1 where position < bytes.count: bytes.remove(at: position)
            case 2 where position < bytes.count: bytes[position] = alphabet.randomElement(using: &random) ?? 0
            default: bytes = random.value(depth: 4).bytes()
            }
            let value = Result { () throws(JSONError) in try JSONValue(parsing: bytes) }
            let text = Result { () throws(JSONError) in try JSONText(validating: bytes) }
            switch (value, text) {
            case (.success(let value), .success(let text)):
                #expect((try? text.value()) == value)
                _ = text.prettyPrefix(maxCharacters: Int.random(in: 0...50, using: &random))
                _ = JSONEnvelope(of: text, reading: ["a", "key"])
            case (.failure(let left), .failure(let right)):
                #expect(left.code == right.code && left.offset == right.offset, "\(left) \(right)")
            default: Issue.record("tree and text disagree about \(bytes)")
            }
        }
    }
}
