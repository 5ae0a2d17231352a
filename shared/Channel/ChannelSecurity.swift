/// How a client secures its connections.
package struct ChannelClientSecurity: Sendable {
    enum Mode: Sendable {
        case plaintext
        case tls(trustRoots: [UInt8], serverName: String?)
    }

    let mode: Mode

    /// Nothing is encrypted; for one machine or a network that is trusted as a whole.
    package static let plaintext = ChannelClientSecurity(mode: .plaintext)

    /// TLS; the server must show a certificate that the given authorities (PEM) have signed for it.
    ///
    /// The certificate must be for `serverName` if that is given, and otherwise for the host that is connected to, be it a name or a
    /// literal address. One that is for the very address of the peer is accepted in either case.
    package static func tls(trustRoots: [UInt8], serverName: String? = nil) -> ChannelClientSecurity {
        ChannelClientSecurity(mode: .tls(trustRoots: trustRoots, serverName: serverName))
    }
}

/// How a server secures its connections.
package struct ChannelServerSecurity: Sendable {
    enum Mode: Sendable {
        case plaintext
        case tls(certificateChain: [UInt8], privateKey: [UInt8])
    }

    let mode: Mode

    /// Nothing is encrypted; for one machine or a network that is trusted as a whole.
    package static let plaintext = ChannelServerSecurity(mode: .plaintext)

    /// TLS with the given certificate, its intermediates and its private key, all PEM.
    package static func tls(certificateChain: [UInt8], privateKey: [UInt8]) -> ChannelServerSecurity {
        ChannelServerSecurity(mode: .tls(certificateChain: certificateChain, privateKey: privateKey))
    }
}
