package import ServiceLifecycle

/// Something that hands the requests that arrive to a ``ChannelHandler``: the HTTP/2 server or the in-memory twin.
///
/// `run()` owns every handler task. On graceful shutdown it takes no new work, lets what runs finish within the drain time, cancels the
/// rest, and returns.
package protocol ChannelServer: Service {
    /// Where the server listens, once it does.
    ///
    /// - Throws: ``ChannelError`` when it could not listen, or ended before it did.
    var address: ChannelAddress { get async throws(ChannelError) }
}

/// A host and a port.
package struct ChannelAddress: Sendable, Hashable, CustomStringConvertible {
    /// A name or a literal address, without brackets.
    package var host: String
    /// The port; zero asks the system for a free one.
    package var port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `host:port` or `[address]:port`; nil when it is neither.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self.init(host: String(host), port: Int(port))
    }

    package var description: String { self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)" }
}
