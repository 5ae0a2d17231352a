extension JSONText {
    /// What kind of value this is; the first byte tells.
    package var kind: JSONKind {
        switch self.bytes.first {
        case .openBrace: .object
        case .openBracket: .array
        case .quote: .string
        case .lowerN: .null
        case .lowerT, .lowerF: .bool
        default: .number
        }
    }

    /// The string that this text holds, nil for any other kind of value; half a surrogate pair becomes U+FFFD.
    package var stringValue: String? {
        guard self.kind == .string else { return nil }
        return self.bytes.withUnsafeBufferPointer { String(unescapingJSON: UnsafeBufferPointer(rebasing: $0.dropFirst().dropLast())) }
    }

    /// The value found by following `path` from object to object, nil where a member is missing.
    ///
    /// Nothing but that value is copied, and no tree is built.
    package func member(_ path: String...) -> JSONText? {
        var text = self
        for name in path {
            guard let member = JSONEnvelope(of: text, reading: [name])[name] else { return nil }
            text = member
        }
        return text
    }
}
