/// The gateway's own internal address, for calls of Roost's API from inside an execution.
///
/// Holding one is what admits a request to an address that is not public and not listed. It is made from the process registry alone, and
/// there is no way from a URL's text to one: ``EgressRequest`` takes either a URL or this, and a URL that happens to name the same host and
/// port is checked like any other.
package struct InternalTarget: Sendable, Hashable {
    let host: EgressURL.Host
    let port: Int

    /// Takes the host (a name, or an address without brackets) and port under which a gateway registered; nil if they are neither.
    package init?(host: String, port: Int) {
        let literal = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
        guard let (host, port) = try? EgressURL.parseAuthority(Array("\(literal):\(port)".utf8)[...]), let port else { return nil }
        self.host = host
        self.port = port
    }

    /// The URL of one path on it. Refuses paths with dot segments, which a parameter's value could have brought in.
    func url(path: String) throws(EgressError) -> EgressURL {
        let target = try EgressURL.parseTarget(Array(path.utf8)[...])
        let segments = target.prefix { $0 != "?" }.split(separator: "/").map { $0.lowercased().replacing("%2e", with: ".") }
        guard path.hasPrefix("/"), !segments.contains("."), !segments.contains("..") else {
            throw .invalidURL("must be a path without dot segments")
        }
        return EgressURL(scheme: .http, host: self.host, port: self.port, target: target)
    }
}
