extension UnsafeBufferPointer<UInt8> {
    /// The first position from `start` on whose byte is a quote, a backslash, a control character or not ASCII; the count if there
    /// is none.
    ///
    /// These are the bytes at which a reader of a string has to stop and think. Looks at eight bytes at a time: subtracting one from
    /// each byte borrows into its top bit exactly where the byte was zero, and the first such place is never a false one.
    @inline(__always)
    func firstIndexOfSpecialByte(from start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        let raw = UnsafeRawBufferPointer(self)
        var index = start
        while index &+ 8 <= self.count {
            let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let quotes = word ^ (ones &* UInt64(UInt8.quote))
            let backslashes = word ^ (ones &* UInt64(UInt8.backslash))
            let isQuote = (quotes &- ones) & ~quotes
            let isBackslash = (backslashes &- ones) & ~backslashes
            let isControl = (word &- ones &* 0x20) & ~word
            let special = (isQuote | isBackslash | isControl | word) & tops
            if special != 0 { return index &+ special.trailingZeroBitCount / 8 }
            index &+= 8
        }
        while index < self.count {
            let byte = self[index]
            if byte == .quote || byte == .backslash || byte < 0x20 || byte >= 0x80 { return index }
            index &+= 1
        }
        return index
    }
}

extension String {
    /// Makes the text of a JSON string from the bytes between its quotes, which must have been checked.
    ///
    /// Half a surrogate pair that stands alone becomes U+FFFD.
    init(unescapingJSON source: UnsafeBufferPointer<UInt8>) {
        // No escape is shorter than what it stands for, so the source's length is enough.
        self.init(unsafeUninitializedCapacity: source.count) { target in
            var written = 0
            var start = 0
            while let escape = source[start...].firstIndex(of: .backslash) {
                written = target.append(source[start..<escape], at: written)
                start = escape + 2
                if source[escape + 1] == .lowerU {
                    let scalar = source.scalar(ofEscapeAt: &start)
                    written = target.append(UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter, at: written)
                } else {
                    target[written] = source[escape + 1].unescaped
                    written += 1
                }
            }
            return target.append(source[start...], at: written)
        }
    }
}

extension UnsafeMutableBufferPointer<UInt8> {
    /// Writes `bytes` from `position` on and gives the position behind them.
    fileprivate func append(_ bytes: some Collection<UInt8>, at position: Int) -> Int {
        self[position...].update(fromContentsOf: bytes)
    }
}

extension UInt8 {
    /// The byte that this letter stands for after a backslash.
    fileprivate var unescaped: UInt8 {
        switch self {
        case .lowerB: 0x08
        case .lowerF: 0x0C
        case .lowerN: .lineFeed
        case .lowerR: .carriageReturn
        case .lowerT: .tab
        default: self
        }
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// The scalar of a `\u` escape whose four digits start at `index`, together with a second escape that completes a surrogate pair.
    fileprivate func scalar(ofEscapeAt index: inout Int) -> Unicode.Scalar {
        let first = self.codeUnit(at: index)
        index += 4
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard UTF16.isLeadSurrogate(first), index + 6 <= self.count, self[index] == .backslash, self[index + 1] == .lowerU else {
            return "\u{FFFD}"
        }
        let second = self.codeUnit(at: index + 2)
        guard UTF16.isTrailSurrogate(second) else { return "\u{FFFD}" }
        index += 6
        return UTF16.decode(UTF16.EncodedScalar([first, second]))
    }

    private func codeUnit(at index: Int) -> UInt16 {
        self[index..<index + 4].reduce(0) { unit, digit in unit << 4 | UInt16(digit.hexDigitValue ?? 0) }
    }
}

extension String {
    /// Whether both strings are the same bytes.
    ///
    /// Swift's `==` calls strings equal that differ in Unicode normalisation; JSON compares names by code points (RFC 8259 §8.3), and
    /// a policy that looked at one key must not be shown another.
    func hasSameBytes(as other: String) -> Bool {
        guard self.utf8.count == other.utf8.count else { return false }
        let isSame = self.utf8.withContiguousStorageIfAvailable { left in
            other.utf8.withContiguousStorageIfAvailable { right in left.elementsEqual(right) }
        }
        return (isSame ?? nil) ?? self.utf8.elementsEqual(other.utf8)
    }

    /// Feeds the bytes to `hasher`, in agreement with ``hasSameBytes(as:)``.
    func hashBytes(into hasher: inout Hasher) {
        var copy = self
        copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        hasher.combine(0xFF as UInt8)
    }
}
