/// A number as an exact decimal: ± `digits` × 10^`exponent`, the form in which numbers of any size are compared.
///
/// Always normalised (no zero at either end of the digits; zero itself has no digits), so that equal numbers have equal fields.
struct JSONDecimal: Hashable {
    let isNegative: Bool
    /// Values 0...9, the most significant first.
    let digits: [UInt8]
    let exponent: Int

    /// Reads a number that the scanner has accepted; its exponent therefore fits.
    init(validated text: some Sequence<UInt8>) {
        var isNegative = false
        var digits: [UInt8] = []
        var fractionCount = 0
        var exponent = 0
        var part = Part.integer
        var hasNegativeExponent = false
        for byte in text {
            switch (byte, part) {
            case (.minus, .exponent): hasNegativeExponent = true
            case (.minus, _): isNegative = true
            case (.plus, _): break
            case (.period, _): part = .fraction
            case (let byte, .exponent) where byte.isDigit: exponent = exponent * 10 + Int(byte - .zero)
            case (let byte, _) where byte.isDigit:
                if !digits.isEmpty || byte != .zero { digits.append(byte - .zero) }
                if part == .fraction { fractionCount += 1 }
            default: part = .exponent
            }
        }
        exponent = (hasNegativeExponent ? -exponent : exponent) - fractionCount
        while digits.last == 0 {
            digits.removeLast()
            exponent += 1
        }
        self.isNegative = isNegative && !digits.isEmpty
        self.digits = digits
        self.exponent = digits.isEmpty ? 0 : exponent
    }

    /// Whether nothing stands behind the decimal point.
    var isInteger: Bool { self.exponent >= 0 }

    /// The number as an `Int`, where it is one and fits.
    var int: Int? {
        // Twenty digits never fit, and stopping there keeps the loop below short.
        guard self.isInteger, self.digits.count + self.exponent <= 19 else { return nil }
        var value = 0
        for position in 0..<self.digits.count + self.exponent {
            let digit = position < self.digits.count ? Int(self.digits[position]) : 0
            let (product, overflows) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowsToo) = product.addingReportingOverflow(self.isNegative ? -digit : digit)
            guard !overflows, !overflowsToo else { return nil }
            value = sum
        }
        return value
    }

    /// Whether this is a whole multiple of `divisor`, computed exactly; nil where `divisor` is zero or has more than 18 digits.
    ///
    /// Never expands an exponent: 1e308 and 1e-99999 cost as much as 1.
    func isMultiple(of divisor: JSONDecimal) -> Bool? {
        guard !divisor.digits.isEmpty, divisor.digits.count <= 18 else { return nil }
        guard !self.digits.isEmpty else { return true }
        // The last digit is not zero, so a finer number is never a multiple of a coarser one.
        guard self.exponent >= divisor.exponent else { return false }
        let modulus = divisor.digits.reduce(0 as UInt64) { $0 * 10 + UInt64($1) }
        // Eighteen digits leave room for one more below 2^64.
        let remainder = self.digits.reduce(0 as UInt64) { ($0 * 10 + UInt64($1)) % modulus }
        let scale = modulus.powerOfTenRemainder(self.exponent - divisor.exponent)
        return modulus.dividingFullWidth(remainder.multipliedFullWidth(by: scale)).remainder == 0
    }

    private enum Part { case integer, fraction, exponent }
}

extension JSONDecimal: Comparable {
    static func < (left: JSONDecimal, right: JSONDecimal) -> Bool {
        guard left.isNegative == right.isNegative else { return left.isNegative }
        return left.isNegative ? right.isSmaller(than: left) : left.isSmaller(than: right)
    }

    /// Compares without regard to the signs.
    private func isSmaller(than other: JSONDecimal) -> Bool {
        guard !self.digits.isEmpty, !other.digits.isEmpty else { return self.digits.isEmpty && !other.digits.isEmpty }
        let (magnitude, otherMagnitude) = (self.digits.count + self.exponent, other.digits.count + other.exponent)
        return magnitude == otherMagnitude ? self.digits.lexicographicallyPrecedes(other.digits) : magnitude < otherMagnitude
    }
}

extension UInt64 {
    /// 10^`exponent` modulo `self`, by squaring; `self` must be below 10^18.
    fileprivate func powerOfTenRemainder(_ exponent: Int) -> UInt64 {
        var result = 1 % self
        var base = 10 % self
        var exponent = exponent
        while exponent > 0 {
            if exponent & 1 == 1 { result = self.dividingFullWidth(result.multipliedFullWidth(by: base)).remainder }
            base = self.dividingFullWidth(base.multipliedFullWidth(by: base)).remainder
            exponent >>= 1
        }
        return result
    }
}
