extension String {
    /// The text with each `%XX` replaced by its byte; nil where a percent sign has no two digits, or the bytes are not UTF-8.
    func removingPercentEncoding() -> String? {
        guard self.utf8.contains(0x25) else { return self }
        var bytes: [UInt8] = []
        var iterator = self.utf8.makeIterator()
        while let byte = iterator.next() {
            guard byte == 0x25 else {
                bytes.append(byte)
                continue
            }
            guard let high = iterator.next()?.hexDigitValue, let low = iterator.next()?.hexDigitValue else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// The text with everything that RFC 3986 does not allow in a fragment as `%XX`.
    func addingPercentEncoding() -> String {
        var bytes: [UInt8] = []
        for byte in self.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: bytes.append(byte)
            case _ where Self.fragmentPunctuation.contains(byte): bytes.append(byte)
            default:
                let digits = Array(String(byte, radix: 16, uppercase: true).utf8)
                bytes += [0x25] + (digits.count < 2 ? [.zero] : []) + digits
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static let fragmentPunctuation = Set("-._~!$&'()*+,;=:@/?".utf8)
}
