/// The hosts that may be reached although they are not on the public internet: exactly what the installation's configuration lists under
/// `roost.egress.allow`, as `host:port`.
///
/// A listed name is connected to wherever it resolves, but for the addresses of cloud metadata services, which only a listed literal opens.
package struct EgressAllowList: Sendable, Hashable {
    struct Entry: Hashable, Sendable {
        let host: EgressURL.Host
        let port: Int
    }

    private let entries: Set<Entry>

    /// No host at all.
    package static let empty = EgressAllowList(entries: [])

    private init(entries: Set<Entry>) { self.entries = entries }

    /// Reads entries such as `127.0.0.1:9000`, `[::1]:9000` and `api.internal:443`; the port is not optional.
    ///
    /// - Throws: ``EgressError`` with `invalid_url` that names the first entry that cannot be read.
    package init(_ entries: [String]) throws(EgressError) {
        var parsed: Set<Entry> = []
        for entry in entries {
            guard let (host, port) = try? EgressURL.parseAuthority(Array(entry.utf8)[...]), let port else {
                throw EgressError(
                    .invalidURL, "\"\(entry)\" is not of the form host:port, such as 127.0.0.1:9000 or api.internal:443.",
                    mayHaveBeenSent: false)
            }
            parsed.insert(Entry(host: host, port: port))
        }
        self.entries = parsed
    }

    /// Whether the installation lists the URL's host and port.
    package func contains(_ url: EgressURL) -> Bool {
        self.entries.contains(Entry(host: url.host, port: url.port))
    }
}
