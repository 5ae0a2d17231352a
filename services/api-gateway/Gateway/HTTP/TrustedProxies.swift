import Egress
import HTTPTypes

/// The proxies in front of the gateway, as the installation lists them: what they say about a request's origin is believed, and what
/// anybody else says is not.
struct TrustedProxies: Sendable {
    private let networks: [IPNetwork]

    /// Entries that are no address or network were refused when the settings were read.
    init(_ entries: [String]) { self.networks = entries.compactMap(IPNetwork.init) }

    /// The address of the client: the peer of the connection, or, behind trusted proxies, what `X-Forwarded-For` says.
    ///
    /// Each proxy appends the peer it saw, so the list is read from its end, as far as trusted proxies wrote it; what stands before may
    /// be anything a client made up.
    func client(peer: String, forwardedFor: [String]) -> String {
        guard !self.networks.isEmpty, var address = IPAddress(peer)?.unmapped else { return peer }
        let hops = forwardedFor.flatMap { $0.split(separator: ",") }.suffix(Self.maxHops)
        for hop in hops.reversed() {
            guard self.networks.contains(where: { $0.contains(address) }),
                let next = IPAddress(hop.trimmingPrefix { $0 == " " || $0 == "\t" }.trimmingSuffix())
            else { break }
            address = next.unmapped
        }
        return "\(address)"
    }

    /// More proxies than anybody chains; further entries are not looked at.
    private static let maxHops = 16
}

extension Substring {
    fileprivate func trimmingSuffix() -> String {
        var text = self
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return String(text)
    }
}
