package import Channel
import Service

/// The channel's security from the files that the settings name.
package enum ChannelFiles {
    private static let maxBytes = 1 << 20

    package static func clientSecurity(_ settings: ChannelSettings) throws -> ChannelClientSecurity {
        guard let tls = settings.tls else { return .plaintext }
        return .tls(trustRoots: try self.read(tls.trustFile))
    }

    package static func serverSecurity(_ settings: ChannelSettings) throws -> ChannelServerSecurity {
        guard let tls = settings.tls else { return .plaintext }
        return .tls(certificateChain: try self.read(tls.certificateFile), privateKey: try self.read(tls.keyFile))
    }

    private static func read(_ path: String) throws -> [UInt8] {
        do {
            return try readFile(at: path, maxBytes: self.maxBytes)
        } catch let error as FileReadError {
            throw InstallationError("A TLS file of the channel cannot be used: \(error).")
        }
    }
}
