import Crypto
import Foundation
package import NIOSSL
import SwiftASN1
import X509

/// A certificate authority made for one test run, and server certificates signed by it.
package struct TestAuthority: Sendable {
    private static var yesterday: Date { Date(timeIntervalSinceNow: -86_400) }
    private static var tomorrow: Date { Date(timeIntervalSinceNow: 86_400) }

    private let key: P256.Signing.PrivateKey
    private let name: DistinguishedName
    /// The authority's own certificate, to trust it by.
    package let certificatePEM: String

    /// Makes a new authority with a new key.
    package init() throws {
        self.key = P256.Signing.PrivateKey()
        self.name = try DistinguishedName { CommonName("Roost test authority") }
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: .init(self.key.publicKey), notValidBefore: Self.yesterday,
            notValidAfter: Self.tomorrow, issuer: self.name, subject: self.name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                KeyUsage(keyCertSign: true)
            },
            issuerPrivateKey: .init(self.key))
        self.certificatePEM = try certificate.serializeAsPEM().pemString
    }

    /// A server context with a new certificate for the given DNS names and addresses.
    package func serverContext(names: [String], addresses: [[UInt8]] = []) throws -> NIOSSLContext {
        try NIOSSLContext(configuration: self.serverConfiguration(names: names, addresses: addresses))
    }

    /// A server's TLS configuration with a new certificate for the given DNS names and addresses (their bytes in network order).
    package func serverConfiguration(names: [String], addresses: [[UInt8]] = []) throws -> TLSConfiguration {
        let identity = try self.serverIdentity(names: names, addresses: addresses)
        return TLSConfiguration.makeServerConfiguration(
            certificateChain: [.certificate(try NIOSSLCertificate(bytes: Array(identity.certificatePEM.utf8), format: .pem))],
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(identity.privateKeyPEM.utf8), format: .pem)))
    }

    /// A new certificate for the given DNS names and addresses, and its key, for servers that are configured with PEM.
    package func serverIdentity(
        names: [String], addresses: [[UInt8]] = []
    ) throws -> (certificatePEM: String, privateKeyPEM: String) {
        let leafKey = P256.Signing.PrivateKey()
        let alternatives =
            names.map { GeneralName.dnsName($0) } + addresses.map { GeneralName.ipAddress(ASN1OctetString(contentBytes: $0[...])) }
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: .init(leafKey.publicKey), notValidBefore: Self.yesterday,
            notValidAfter: Self.tomorrow, issuer: self.name, subject: try DistinguishedName { CommonName("Roost test server") },
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                SubjectAlternativeNames(alternatives)
            },
            issuerPrivateKey: .init(self.key))
        return (try certificate.serializeAsPEM().pemString, leafKey.pemRepresentation)
    }
}
