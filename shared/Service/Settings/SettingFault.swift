/// One thing wrong with the configuration: the key and what to do about it. Never holds the value, which may be a secret.
package struct SettingFault: Sendable, Hashable, CustomStringConvertible {
    /// The dotted key or the environment variable at fault.
    package let key: String
    package let message: String

    package init(key: String, message: String) {
        self.key = key
        self.message = message
    }

    package var description: String { "\(self.key): \(self.message)" }
}

/// The configuration cannot be used; holds every fault that was found, not only the first.
package struct ConfigurationError: Error, CustomStringConvertible {
    package let faults: [SettingFault]

    package init(faults: [SettingFault]) { self.faults = faults }

    package var description: String {
        (["The configuration has \(self.faults.count == 1 ? "a fault" : "\(self.faults.count) faults"):"]
            + self.faults.map { "  \($0)" }).joined(separator: "\n")
    }
}
