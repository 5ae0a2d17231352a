import JSON

/// A generator whose numbers follow from its seed, so that a failing case can be run again.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Random JSON with everything that confuses a scanner: quotes, escapes, brackets and commas inside of strings.
enum RandomJSON {
    static func object(depth: Int, using generator: inout SeededGenerator) -> JSONObject {
        var object: JSONObject = [:]
        for _ in 0..<Int.random(in: 0...4, using: &generator) {
            object[self.string(using: &generator)] = self.value(depth: depth - 1, using: &generator)
        }
        return object
    }

    static func value(depth: Int, using generator: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0...(depth > 0 ? 6 : 4), using: &generator) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &generator))
        case 2: return .int(Int.random(in: -1000...1000, using: &generator))
        case 3: return .double(Double.random(in: -1e9...1e9, using: &generator))
        case 4: return .string(self.string(using: &generator))
        case 5: return .object(self.object(depth: depth, using: &generator))
        default:
            return .array((0..<Int.random(in: 0...4, using: &generator)).map { _ in self.value(depth: depth - 1, using: &generator) })
        }
    }

    private static func string(using generator: inout SeededGenerator) -> String {
        let pieces = ["\"", "\\", "{", "}", "[", "]", ",", ":", "a", "é", "\n", "\u{0}", "😀", "_meta", "id", "method"]
        return (0..<Int.random(in: 0...6, using: &generator)).map { _ in pieces[Int.random(in: 0..<pieces.count, using: &generator)] }
            .joined()
    }
}
