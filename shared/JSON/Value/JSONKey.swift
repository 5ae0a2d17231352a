/// A member's name, compared and hashed by its bytes.
struct JSONKey: Hashable, Sendable {
    private let text: String

    init(_ text: String) { self.text = text }

    static func == (left: JSONKey, right: JSONKey) -> Bool { left.text.hasSameBytes(as: right.text) }

    func hash(into hasher: inout Hasher) { self.text.hashBytes(into: &hasher) }
}
