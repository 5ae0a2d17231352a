/// The header fields of a request or response: names and values in the order given, names in lower case.
///
/// A name may come more than once. The pseudo headers of HTTP/2 and the fields in ``ChannelHeaders/reservedNames`` are the channel's
/// own and never in here.
package struct ChannelHeaders: Sendable, Hashable {
    /// One field.
    package struct Field: Sendable, Hashable {
        /// The field's name, in lower case.
        package let name: String
        /// The field's value, without line breaks.
        package let value: String
        /// Whether the header compression may remember the field for the next message. Values that are different nearly every time take the
        /// room of those that are not.
        package let isRepeated: Bool

        package init(name: String, value: String, isRepeated: Bool = true) {
            self.name = name
            self.value = value
            self.isRepeated = isRepeated
        }

        /// Whether name and value are equal; how they travel is no part of the message.
        package static func == (left: Field, right: Field) -> Bool { left.name == right.name && left.value == right.value }

        package func hash(into hasher: inout Hasher) {
            hasher.combine(self.name)
            hasher.combine(self.value)
        }
    }

    private var fields: [Field]

    /// Makes a list from fields in order.
    package init(_ fields: [Field] = []) { self.fields = fields }

    /// The first value of a name, nil when there is none. Setting replaces every field of that name; nil removes them.
    package subscript(name: String) -> String? {
        get { self.fields.first { $0.name == name }?.value }
        set {
            guard let newValue else { return self.fields.removeAll { $0.name == name } }
            guard let index = self.fields.firstIndex(where: { $0.name == name }) else { return self.append(name, newValue) }
            self.fields[index] = Field(name: name, value: newValue)
            var position = 0
            self.fields.removeAll { field in
                defer { position += 1 }
                return position > index && field.name == name
            }
        }
    }

    /// Every value of a name, in order.
    package func values(of name: String) -> [String] {
        self.fields.compactMap { $0.name == name ? $0.value : nil }
    }

    /// The value of a name that comes exactly once; nil otherwise.
    package func only(_ name: String) -> String? {
        var found: String?
        for field in self.fields where field.name == name {
            guard found == nil else { return nil }
            found = field.value
        }
        return found
    }

    /// Adds a field at the end.
    package mutating func append(_ name: String, _ value: String, isRepeated: Bool = true) {
        self.fields.append(Field(name: name, value: value, isRepeated: isRepeated))
    }

    /// Makes room for so many fields.
    package mutating func reserveCapacity(_ count: Int) { self.fields.reserveCapacity(count) }
}

extension ChannelHeaders: RandomAccessCollection {
    package var startIndex: Int { self.fields.startIndex }
    package var endIndex: Int { self.fields.endIndex }
    package subscript(position: Int) -> Field { self.fields[position] }
}

extension ChannelHeaders: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, String)...) {
        self.init(elements.map { Field(name: $0.0, value: $0.1) })
    }
}

extension ChannelHeaders: CustomStringConvertible {
    /// The names only, because values may be secret.
    package var description: String { "[" + self.fields.map(\.name).joined(separator: ", ") + "]" }
}
