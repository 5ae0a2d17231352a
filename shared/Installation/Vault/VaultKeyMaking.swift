import Model
import Vault

/// Makes a vault key by itself, apart from any database.
package enum VaultKeyMaking {
    /// Writes a new key to a file (0600) that must not exist; returns the key's id.
    package static func write(to path: String) throws -> String {
        let key = VaultKey()
        try PrivateFile.create(path, contents: Array((key.text.reveal() + "\n").utf8))
        return key.id
    }
}
