import JSON

/// A small generator with a seed, so that a failing case can be run again (Steele, Lea and Flood 2014).
struct SplitMix64: RandomNumberGenerator {
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

extension SplitMix64 {
    /// Any value, at most `depth` levels deep.
    mutating func value(depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &self) {
        case 0: .null
        case 1: .bool(Bool.random(using: &self))
        case 2: .int(Int(bitPattern: UInt(self.next() >> UInt64.random(in: 0..<64, using: &self))))
        case 3: .number(self.number())
        case 4, 5: .string(self.string())
        case 6: .array((0..<Int.random(in: 0..<6, using: &self)).map { _ in self.value(depth: depth - 1) })
        default: .object(self.object(depth: depth))
        }
    }

    /// Text with everything that makes trouble: quotes, control characters, scalars of every length.
    mutating func string() -> String {
        let pieces = [
            "a", "key", "\"", "\\", "/", "\n", "\u{0}", "\u{1F}", "\u{7F}", "é", "e\u{301}", "\u{2028}", "\u{FFFD}", "😀", "eight888",
        ]
        return (0..<Int.random(in: 0..<12, using: &self)).map { _ in pieces.randomElement(using: &self) ?? "" }.joined()
    }

    private mutating func object(depth: Int) -> JSONObject {
        // Some are large enough to have an index.
        let count = Int.random(in: 0..<10, using: &self) == 0 ? 40 : Int.random(in: 0..<6, using: &self)
        return JSONObject((0..<count).map { (key: self.string() + String($0), value: self.value(depth: depth - 1)) })
    }

    private mutating func number() -> JSONNumber {
        let double = Double(bitPattern: self.next())
        let digits = (0..<Int.random(in: 1..<40, using: &self)).map { _ in String(Int.random(in: 0...9, using: &self)) }.joined()
        let text = "-1\(digits).\(digits)e\(Int.random(in: -400...400, using: &self))"
        return (Bool.random(using: &self) ? JSONNumber(double) : JSONNumber(text)) ?? 0
    }
}
