#if canImport(Glibc)
private import Glibc
#elseif canImport(Musl)
private import Musl
#else
private import Darwin
#endif

/// One IPv4 or IPv6 address, without port and without zone.
package enum IPAddress: Sendable, Hashable {
    /// The 32 bits in host order: 127.0.0.1 is `0x7F00_0001`.
    case v4(UInt32)
    /// The first and the last 64 bits in host order.
    case v6(high: UInt64, low: UInt64)

    /// Reads exactly what RFC 3986 calls an IPv4address (four decimal numbers without leading zeros) or an IPv6address without brackets.
    ///
    /// The forms that C's `inet_aton` takes beside them (`127.1`, `0x7f000001`, `017700000001`) are nil here.
    package init?(_ text: String) {
        if let address = Self.parseV4(text) {
            self = address
        } else if let address = Self.parseV6(text) {
            self = address
        } else {
            return nil
        }
    }

    /// Takes the 16 bytes of an IPv6 address in network order.
    init(networkOrder bytes: some Collection<UInt8>) {
        let high = bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let low = bytes.dropFirst(8).prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        self = .v6(high: high, low: low)
    }

    /// Whether the address lies in the block whose first `length` bits are `prefix`'s; never for addresses of the other family.
    func isIn(_ prefix: IPAddress, length: Int) -> Bool {
        switch (self, prefix) {
        case (.v4(let bits), .v4(let wanted)):
            return length == 0 || (bits ^ wanted) >> UInt32(32 - length) == 0
        case (.v6(let high, let low), .v6(let wantedHigh, let wantedLow)):
            if length == 0 { return true }
            if length <= 64 { return (high ^ wantedHigh) >> UInt64(64 - length) == 0 }
            return high == wantedHigh && (low ^ wantedLow) >> UInt64(128 - length) == 0
        default:
            return false
        }
    }

    /// The IPv4 address that a packet to this IPv6 address may end up at: IPv4-mapped (`::ffff:0:0/96`, which the kernel itself turns into
    /// IPv4) and -compatible (`::/96`), NAT64 (`64:ff9b::/96`, and the low bits of `64:ff9b:1::/48`), 6to4 (`2002::/16`) and Teredo
    /// (`2001::/32`, where the bits are inverted). Nil for all others.
    var embeddedV4: IPAddress? {
        guard case .v6(let high, let low) = self else { return nil }
        let lowBits = UInt32(truncatingIfNeeded: low)
        if high == 0, low >> 32 == 0 || low >> 32 == 0xFFFF { return .v4(lowBits) }
        if self.isIn(.v6(high: 0x0064_FF9B_0000_0000, low: 0), length: 96) { return .v4(lowBits) }
        if self.isIn(.v6(high: 0x0064_FF9B_0001_0000, low: 0), length: 48) { return .v4(lowBits) }
        if high >> 48 == 0x2002 { return .v4(UInt32(truncatingIfNeeded: high >> 16)) }
        if high >> 32 == 0x2001_0000 { return .v4(~lowBits) }
        return nil
    }

    private static func parseV4(_ text: String) -> IPAddress? {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
            var number: UInt32 = 0
            for byte in part {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                number = number * 10 + UInt32(byte - UInt8(ascii: "0"))
            }
            guard number <= 255 else { return nil }
            bits = bits << 8 | number
        }
        return .v4(bits)
    }

    private static func parseV6(_ text: String) -> IPAddress? {
        guard text.utf8.count <= 45, text.utf8.allSatisfy({ $0 != 0 }) else { return nil }
        var address = in6_addr()
        guard inet_pton(AF_INET6, text, &address) == 1 else { return nil }
        return withUnsafeBytes(of: &address) { IPAddress(networkOrder: $0) }
    }
}

extension IPAddress: CustomStringConvertible {
    /// Dotted decimal, or the shortest form of RFC 5952 in eight groups of hexadecimal digits.
    package var description: String {
        switch self {
        case .v4(let bits):
            return "\(bits >> 24).\(bits >> 16 & 255).\(bits >> 8 & 255).\(bits & 255)"
        case .v6(let high, let low):
            let groups = [high, low].flatMap { half in (0..<4).map { UInt16(truncatingIfNeeded: half >> UInt64(48 - 16 * $0)) } }
            guard let gap = Self.longestZeroRun(groups) else { return Self.join(groups[...]) }
            return "\(Self.join(groups[..<gap.lowerBound]))::\(Self.join(groups[gap.upperBound...]))"
        }
    }

    private static func join(_ groups: ArraySlice<UInt16>) -> String {
        groups.map { String($0, radix: 16) }.joined(separator: ":")
    }

    /// RFC 5952, section 4.2: the first of the longest runs, and only where it has two groups or more.
    private static func longestZeroRun(_ groups: [UInt16]) -> Range<Int>? {
        var best: Range<Int>?
        var start = 0
        while start < groups.count {
            var end = start
            while end < groups.count, groups[end] == 0 { end += 1 }
            if end - start >= 2, end - start > (best?.count ?? 0) { best = start..<end }
            start = max(end, start + 1)
        }
        return best
    }
}
