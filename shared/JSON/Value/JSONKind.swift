/// What kind of value a JSON text or tree is.
package enum JSONKind: String, Sendable, Hashable, CaseIterable {
    case null
    case bool = "boolean"
    case number
    case string
    case array
    case object
}

extension JSONValue {
    /// What kind of value this is.
    package var kind: JSONKind {
        switch self {
        case .null: .null
        case .bool: .bool
        case .number: .number
        case .string: .string
        case .array: .array
        case .object: .object
        }
    }
}
