import JSON

/// Finds what a reference within the document points to (RFC 6901, in the fragment form of section 6).
struct LocalReferences: Sendable {
    /// Why a reference leads nowhere.
    enum Fault: Error, Hashable {
        /// It points into another document; the text is the reference, printable and bounded.
        case external(String)
        case missing(String)
        /// References to references that never end, or too long a chain of them.
        case endless(String)

        /// What to tell whoever wrote the document.
        var message: String {
            switch self {
            case .external(let reference): "refers to another document (\(reference)); bundle the document into one file"
            case .missing(let reference): "refers to \(reference), which the document does not have"
            case .endless(let reference): "refers to \(reference), which leads in a circle"
            }
        }
    }

    private let root: JSONValue
    private let limits: OpenAPILimits

    init(root: JSONValue, limits: OpenAPILimits) {
        self.root = root
        self.limits = limits
    }

    /// The reference tokens of a local reference, unescaped.
    func tokens(of reference: String) throws(Fault) -> [String] {
        // Many places may refer to one that holds a long reference, and each reads it.
        guard reference.utf8.count <= self.limits.maxReferenceBytes else { throw .missing(reference.printable(200)) }
        guard reference.utf8.first == UInt8(ascii: "#") else { throw .external(reference.printable(200)) }
        // `#name` is an anchor, which is found by searching all schemas; no known document of this kind uses one.
        guard let pointer = JSONPointer(fragment: reference) else { throw .missing(reference.printable(200)) }
        return pointer.tokens
    }

    /// The value at the end of a path of tokens.
    func value(at tokens: [String]) -> JSONValue? {
        var value = self.root
        for token in tokens {
            switch value {
            case .object(let members):
                guard let member = members[token] else { return nil }
                value = member
            case .array(let elements):
                guard let index = Int(token), elements.indices.contains(index) else { return nil }
                value = elements[index]
            default: return nil
            }
        }
        return value
    }

    /// What a reference points to, one step.
    func target(of reference: String) throws(Fault) -> JSONValue {
        guard let value = self.value(at: try self.tokens(of: reference)) else { throw .missing(reference.printable(200)) }
        return value
    }

    /// The value itself where it is no reference object, else what stands at the end of the chain of references.
    func resolved(_ value: JSONValue) throws(Fault) -> JSONValue {
        var value = value
        for _ in 0...self.limits.maxReferenceHops {
            guard let reference = value["$ref"]?.string else { return value }
            value = try self.target(of: reference)
        }
        throw .endless(value["$ref"]?.string?.printable(200) ?? "")
    }
}
