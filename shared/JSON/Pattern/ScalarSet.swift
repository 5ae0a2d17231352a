/// A set of Unicode scalars: ranges and properties, possibly the other way round.
struct ScalarSet: Sendable {
    private var ranges: [ClosedRange<UInt32>] = []
    private var parts: [ScalarSet] = []
    private var properties: [ScalarProperty] = []
    private var isNegated = false
    /// Membership of the ASCII scalars, negation included; kept up to date so that most look-ups are one shift.
    private var ascii: (low: UInt64, high: UInt64) = (0, 0)

    /// Makes a set of all scalars in `ranges`.
    init(_ ranges: [ClosedRange<UInt32>]) {
        self.ranges = ranges
        self.refreshASCII()
    }

    /// Makes a set of one scalar.
    init(_ scalar: UInt32) { self.init([scalar...scalar]) }

    /// Makes a set of all scalars with a property.
    init(_ property: ScalarProperty) {
        self.properties = [property]
        self.refreshASCII()
    }

    /// Makes the union of `parts`.
    init(union parts: [ScalarSet]) {
        // A class of a hundred single scalars is one set with a hundred ranges, not a hundred sets.
        for part in parts {
            if part.isNegated || !part.parts.isEmpty || !part.properties.isEmpty { self.parts.append(part) } else { self.ranges += part.ranges }
        }
        self.ranges.sort { $0.lowerBound < $1.lowerBound }
        self.refreshASCII()
    }

    /// All scalars that are not in this set.
    var inverted: ScalarSet {
        var copy = self
        copy.isNegated.toggle()
        copy.refreshASCII()
        return copy
    }

    @inline(__always)
    func contains(_ scalar: UInt32) -> Bool {
        if scalar < 64 { return self.ascii.low >> UInt64(scalar) & 1 == 1 }
        if scalar < 128 { return self.ascii.high >> UInt64(scalar - 64) & 1 == 1 }
        return self.search(scalar)
    }

    private func search(_ scalar: UInt32) -> Bool {
        let isListed =
            self.ranges.contains { $0.contains(scalar) } || self.parts.contains { $0.contains(scalar) }
            || self.properties.contains { $0.contains(scalar) }
        return isListed != self.isNegated
    }

    private mutating func refreshASCII() {
        self.ascii = (0, 0)
        for scalar in 0..<64 as Range<UInt32> {
            if self.search(scalar) { self.ascii.low |= 1 << UInt64(scalar) }
            if self.search(scalar + 64) { self.ascii.high |= 1 << UInt64(scalar) }
        }
    }
}

// MARK: - The sets that have names (ECMA-262 §22.2.2.9)

extension ScalarSet {
    /// `\d`
    static let digits = ScalarSet([0x30...0x39])
    /// `\w`
    static let word = ScalarSet([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
    /// `\s`: white space and line ends, wherever Unicode has them.
    static let whitespace = ScalarSet([
        0x09...0x0D, 0x20...0x20, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029, 0x202F...0x202F, 0x205F...0x205F,
        0x3000...0x3000, 0xFEFF...0xFEFF,
    ])
    /// The line ends, which a period does not match.
    static let lineEnds = ScalarSet([0x0A...0x0A, 0x0D...0x0D, 0x2028...0x2029])
}
