/// Which addresses may be connected to when the installation has not listed the host: those of the public internet, by an allow-list of
/// address space rather than a list of known dangers, so that what nobody thought of is refused.
///
/// The blocks come from the IANA special-purpose address registries (RFC 6890 and its updates).
package struct AddressPolicy: Sendable {
    private let exceptions: Set<IPAddress>

    /// Public addresses only.
    package static let publicInternet = AddressPolicy(exceptions: [])

    /// Public addresses, and the given ones as if they were public. For tests, which have only loopback to stand for the internet.
    package static func publicInternet(and exceptions: Set<IPAddress>) -> AddressPolicy {
        AddressPolicy(exceptions: exceptions)
    }

    private init(exceptions: Set<IPAddress>) { self.exceptions = exceptions }

    /// Whether a connection to the address may be opened.
    package func admits(_ address: IPAddress) -> Bool {
        self.exceptions.contains(address) || Self.isPublic(address)
    }

    /// Whether the address is where a cloud keeps its machines' credentials. A listed *name* does not open these, only a listed literal
    /// does: a name can be pointed there by whoever owns it. An IPv6 address that leads to such an IPv4 address is one too.
    package static func isMetadata(_ address: IPAddress) -> Bool {
        self.metadata.contains(address) || address.embeddedV4.map(self.metadata.contains) == true
    }

    private static func isPublic(_ address: IPAddress) -> Bool {
        switch address {
        case .v4:
            return !self.refusedV4.contains { address.isIn($0.prefix, length: $0.length) } && !self.isMetadata(address)
        case .v6(_, let low):
            // NAT64's well-known prefix (RFC 6052) is how a network without IPv4 reaches public IPv4 hosts, so what it embeds decides.
            if address.isIn(.v6(high: 0x0064_FF9B_0000_0000, low: 0), length: 96) {
                return self.isPublic(.v4(UInt32(truncatingIfNeeded: low)))
            }
            // Only 2000::/3 is global unicast. Everything else goes with it: unspecified, loopback, IPv4-mapped (::ffff:0:0/96) and
            // -compatible (::/96), local NAT64 (64:ff9b:1::/48), unique local (fc00::/7), link-local, site-local and multicast.
            return address.isIn(.v6(high: 0x2000_0000_0000_0000, low: 0), length: 3)
                && !self.refusedV6.contains { address.isIn($0.prefix, length: $0.length) } && !self.isMetadata(address)
        }
    }

    private static let refusedV4: [(prefix: IPAddress, length: Int)] = [
        (.v4(0x0000_0000), 8),  // 0.0.0.0/8: "this network"; Linux connects 0.0.0.0 to itself
        (.v4(0x0A00_0000), 8),  // 10.0.0.0/8: private
        (.v4(0x6440_0000), 10),  // 100.64.0.0/10: carrier-grade NAT
        (.v4(0x7F00_0000), 8),  // 127.0.0.0/8: loopback
        (.v4(0xA9FE_0000), 16),  // 169.254.0.0/16: link-local, and most clouds' metadata
        (.v4(0xAC10_0000), 12),  // 172.16.0.0/12: private
        (.v4(0xC000_0000), 24),  // 192.0.0.0/24: protocol assignments
        (.v4(0xC000_0200), 24),  // 192.0.2.0/24: documentation
        (.v4(0xC058_6300), 24),  // 192.88.99.0/24: 6to4 relays
        (.v4(0xC0A8_0000), 16),  // 192.168.0.0/16: private
        (.v4(0xC612_0000), 15),  // 198.18.0.0/15: benchmarking
        (.v4(0xC633_6400), 24),  // 198.51.100.0/24: documentation
        (.v4(0xCB00_7100), 24),  // 203.0.113.0/24: documentation
        (.v4(0xE000_0000), 4),  // 224.0.0.0/4: multicast
        (.v4(0xF000_0000), 4),  // 240.0.0.0/4: reserved, with the broadcast address
    ]

    private static let refusedV6: [(prefix: IPAddress, length: Int)] = [
        (.v6(high: 0x2001_0000_0000_0000, low: 0), 23),  // 2001::/23: protocol assignments, among them Teredo (2001::/32)
        (.v6(high: 0x2001_0DB8_0000_0000, low: 0), 32),  // 2001:db8::/32: documentation
        (.v6(high: 0x2002_0000_0000_0000, low: 0), 16),  // 2002::/16: 6to4
        (.v6(high: 0x3FFF_0000_0000_0000, low: 0), 20),  // 3fff::/20: documentation
    ]

    private static let metadata: Set<IPAddress> = [
        .v4(0xA9FE_A9FE),  // 169.254.169.254: AWS, Azure, Google Cloud, OpenStack
        .v4(0xA9FE_AA02),  // 169.254.170.2: AWS containers
        .v4(0xA9FE_AA17),  // 169.254.170.23: AWS pods
        .v4(0x6464_64C8),  // 100.100.100.200: Alibaba Cloud
        .v4(0xA83F_8110),  // 168.63.129.16: Azure's platform address, in public space
        .v4(0xC000_00C0),  // 192.0.0.192: Oracle Cloud
        .v6(high: 0xFD00_0EC2_0000_0000, low: 0x0254),  // fd00:ec2::254: AWS
        .v6(high: 0xFD00_0EC2_0000_0000, low: 0x0023),  // fd00:ec2::23: AWS pods
        .v6(high: 0xFD20_00CE_0000_0000, low: 0x0254),  // fd20:ce::254: Google Cloud
        .v6(high: 0xFE80_0000_0000_0000, low: 0xA9FE_A9FE),  // fe80::a9fe:a9fe: OpenStack
    ]
}
