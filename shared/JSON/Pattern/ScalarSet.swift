/// A set of Unicode scalars: ranges and properties, possibly the other way round.
struct ScalarSet: Sendable {
    /// A property, or what lacks it.
    private struct Term: Hashable {
        let property: ScalarProperty
        let isNegated: Bool
    }

    /// Sorted, without overlaps.
    private var ranges: [ClosedRange<UInt32>]
    private var terms: Set<Term> = []
    private var isNegated = false
    /// Membership of the ASCII scalars, negation included, so that most look-ups are one shift.
    private var ascii: (low: UInt64, high: UInt64) = (0, 0)

    /// Makes a set of all scalars in `ranges`.
    init(_ ranges: [ClosedRange<UInt32>]) {
        self.ranges = Self.merged(ranges)
        self.refreshASCII()
    }

    /// Makes a set of one scalar.
    init(_ scalar: UInt32) { self.init([scalar...scalar]) }

    /// Makes a set of all scalars with a property.
    init(_ property: ScalarProperty) {
        self.ranges = []
        self.terms = [Term(property: property, isNegated: false)]
        self.refreshASCII()
    }

    /// Makes the union of sets that are no such unions themselves, as the members of a class are.
    init(union parts: [ScalarSet]) {
        self.ranges = Self.merged(parts.flatMap(\.ranges))
        for part in parts {
            for term in part.terms { self.terms.insert(Term(property: term.property, isNegated: term.isNegated != part.isNegated)) }
        }
        self.refreshASCII()
    }

    /// All scalars that are not in this set.
    var inverted: ScalarSet {
        guard !self.terms.isEmpty else { return ScalarSet(Self.complement(of: self.ranges)) }
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

    /// A class may hold many thousand ranges, so they are searched by halves; of properties there are only a few.
    private func search(_ scalar: UInt32) -> Bool {
        var (low, high) = (0, self.ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if self.ranges[middle].upperBound < scalar { low = middle + 1 } else { high = middle }
        }
        let isListed = low < self.ranges.count && self.ranges[low].contains(scalar)
        return (isListed || self.terms.contains { $0.property.contains(scalar) != $0.isNegated }) != self.isNegated
    }

    private mutating func refreshASCII() {
        self.ascii = (0, 0)
        for scalar in 0..<64 as Range<UInt32> {
            if self.search(scalar) { self.ascii.low |= 1 << UInt64(scalar) }
            if self.search(scalar + 64) { self.ascii.high |= 1 << UInt64(scalar) }
        }
    }

    private static func merged(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
        var merged: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound <= last.upperBound + 1 {
                merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        return merged
    }

    private static func complement(of ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
        var complement: [ClosedRange<UInt32>] = []
        var start: UInt32 = 0
        for range in ranges {
            if range.lowerBound > start { complement.append(start...range.lowerBound - 1) }
            start = range.upperBound + 1
        }
        if start <= 0x10FFFF { complement.append(start...0x10FFFF) }
        return complement
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
