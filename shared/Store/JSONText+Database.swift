package import Database
package import JSON

/// JSON is stored as TEXT in both databases: it is never searched by SQL, and PostgreSQL's JSONB would reorder keys and change numbers.
extension JSONText: DatabaseConvertible {
    package var databaseValue: DatabaseValue { .text(String(decoding: self.bytes, as: UTF8.self)) }

    package init?(databaseValue: DatabaseValue) {
        guard case .text(let text) = databaseValue, let json = try? JSONText(validating: Array(text.utf8)) else { return nil }
        self = json
    }
}
