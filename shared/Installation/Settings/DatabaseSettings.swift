package import Service

/// Where state is kept.
///
/// Configuration keys:
/// - `roost.database.url` (text, required): `sqlite:` and the path of the database file.
package struct DatabaseSettings: Sendable {
    /// The path of the SQLite file.
    package let path: String

    package init(_ reader: inout SettingsReader) {
        let key = "roost.database.url"
        let url = reader.requiredString(key, "Where state is kept: `sqlite:` and the path of the database file.")
        self.path = String(url.dropFirst("sqlite:".count))
        if !url.isEmpty, !url.hasPrefix("sqlite:/") {
            reader.fault(key, "must be `sqlite:` and an absolute path, such as sqlite:/var/lib/roost/roost.db")
        }
    }
}
