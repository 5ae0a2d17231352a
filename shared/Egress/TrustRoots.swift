internal import NIOSSL

/// The certificate authorities that upstreams may use: the system's, and those the installation adds.
///
/// The system's bundle is read once and shared by all lanes. Left to the TLS library, each would parse its own copy of some 140
/// certificates.
struct TrustRoots: Sendable {
    let configuration: TLSConfiguration

    /// Reads the bundle and the PEM texts; throws when one of the texts is not a list of certificates.
    init(additionalPEM: [String]) throws(EgressError) {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if !Self.system.isEmpty { configuration.trustRoots = .certificates(Self.system) }
        do {
            let added = try additionalPEM.flatMap { try NIOSSLCertificate.fromPEMBytes(Array($0.utf8)) }
            if !added.isEmpty { configuration.additionalTrustRoots = [.certificates(added)] }
        } catch {
            throw EgressError(.tls, "An additional trust root is not a PEM certificate.", mayHaveBeenSent: false, cause: error)
        }
        self.configuration = configuration
    }

    private static let system = Self.bundles.lazy.compactMap { try? NIOSSLCertificate.fromPEMFile($0) }.first ?? []

    /// Debian and Ubuntu, Fedora and its relatives, Alpine. Anywhere else the TLS library's own default is used.
    private static let bundles = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"]
}
