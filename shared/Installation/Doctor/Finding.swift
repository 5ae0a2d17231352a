package import JSON

/// What `roost doctor` found about one part of an installation.
package struct Finding: Sendable, Hashable {
    /// How bad it is.
    package enum Status: String, Sendable, Hashable {
        case ok
        /// Worth knowing; Roost works.
        case warning
        /// Something does not work until somebody mends it.
        case fault
    }

    /// `configuration`, `database`, `keys`, `channel`, `sandbox`, `sinks`.
    package let part: String
    package let status: Status
    /// What is so. Never holds a secret.
    package let message: String
    /// What to do about it; nil when there is nothing to do.
    package let remedy: String?

    static func ok(_ part: String, _ message: String) -> Finding {
        Finding(part: part, status: .ok, message: message, remedy: nil)
    }

    static func warning(_ part: String, _ message: String, _ remedy: String) -> Finding {
        Finding(part: part, status: .warning, message: message, remedy: remedy)
    }

    static func fault(_ part: String, _ message: String, _ remedy: String) -> Finding {
        Finding(part: part, status: .fault, message: message, remedy: remedy)
    }

    /// For machines.
    package var json: JSONValue {
        [
            "part": .string(self.part), "status": .string(self.status.rawValue), "message": .string(self.message),
            "remedy": self.remedy.map(JSONValue.string) ?? .null,
        ]
    }
}
