/// A block of addresses: one address, or CIDR notation such as `10.0.0.0/8` or `fd00::/8` (RFC 4632, RFC 4291 section 2.3).
package struct IPNetwork: Sendable, Hashable {
    private let prefix: IPAddress
    private let length: Int

    /// Nil when the text is neither an address nor a block of them.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let prefix = IPAddress(String(parts[0])) else { return nil }
        let width =
            switch prefix {
            case .v4: 32
            case .v6: 128
            }
        self.prefix = prefix
        guard parts.count == 2 else {
            self.length = width
            return
        }
        guard let length = Int(parts[1]), (0...width).contains(length), String(length) == parts[1] else { return nil }
        self.length = length
    }

    /// Whether the address lies in the block. An IPv4 address mapped into IPv6 (RFC 4291, section 2.5.5.2), which is how a socket that
    /// takes both shows its IPv4 peers, counts as the IPv4 address that it is.
    package func contains(_ address: IPAddress) -> Bool {
        address.unmapped.isIn(self.prefix, length: self.length)
    }
}

extension IPAddress {
    /// The IPv4 address that `::ffff:0:0/96` embeds; any other address as it is.
    package var unmapped: IPAddress {
        guard case .v6(_, let low) = self, self.isIn(.v6(high: 0, low: 0x0000_FFFF_0000_0000), length: 96) else { return self }
        return .v4(UInt32(truncatingIfNeeded: low))
    }
}
