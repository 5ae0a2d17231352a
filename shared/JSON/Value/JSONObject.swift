/// The members of a JSON object, in the order in which they were written.
///
/// Names are compared byte by byte (see `String.hasSameBytes`). A name occurs once: setting it again replaces the value and keeps the
/// place. Up to twelve members are searched one by one; more have an index with a hash seeded for this process, so that no document
/// can be written to make look-ups slow.
package struct JSONObject: Sendable {
    private struct Member: Sendable {
        let key: String
        var value: JSONValue
    }

    /// The count up to which a search from the start is about as fast as hashing the name.
    private static let linearCount = 12

    private var members: [Member] = []
    /// Where each name stands; exists exactly while there are more than `linearCount` members.
    private var positions: [JSONKey: Int]?

    /// Makes an object without members.
    package init() {}

    /// Makes an object from members; of two with one name the later value counts, in the earlier one's place.
    package init(_ members: some Sequence<(key: String, value: JSONValue)>) {
        self.members.reserveCapacity(members.underestimatedCount)
        for (key, value) in members { self.set(value, forKey: key) }
    }

    /// The value of the member `key`, nil where there is none; setting nil removes the member.
    package subscript(key: String) -> JSONValue? {
        get { self.position(of: key).map { self.members[$0].value } }
        set {
            if let newValue { self.set(newValue, forKey: key) } else { self.removeValue(forKey: key) }
        }
    }

    /// Sets the member `key`, behind all others if it is new.
    package mutating func set(_ value: JSONValue, forKey key: String) {
        if let position = self.position(of: key) {
            self.members[position].value = value
            return
        }
        // Most objects have two to four members: growing from one would allocate three times.
        if self.members.isEmpty { self.members.reserveCapacity(3) }
        self.members.append(Member(key: key, value: value))
        if self.positions != nil {
            self.positions?[JSONKey(key)] = self.members.count - 1
        } else if self.members.count > Self.linearCount {
            self.indexMembers()
        }
    }

    /// Removes the member `key` and gives its value back, in time proportional to the count.
    @discardableResult
    package mutating func removeValue(forKey key: String) -> JSONValue? {
        guard let position = self.position(of: key) else { return nil }
        let member = self.members.remove(at: position)
        self.indexMembers()
        return member.value
    }

    /// Whether there is a member `key`.
    package func contains(key: String) -> Bool { self.position(of: key) != nil }

    /// The names in order.
    package var keys: [String] { self.members.map(\.key) }

    /// The values in the order of their names.
    package var values: [JSONValue] { self.members.map(\.value) }

    private func position(of key: String) -> Int? {
        if let positions = self.positions { return positions[JSONKey(key)] }
        return self.members.firstIndex { $0.key.hasSameBytes(as: key) }
    }

    private mutating func indexMembers() {
        guard self.members.count > Self.linearCount else {
            self.positions = nil
            return
        }
        var positions = [JSONKey: Int](minimumCapacity: self.members.count)
        for (position, member) in self.members.enumerated() { positions[JSONKey(member.key)] = position }
        self.positions = positions
    }
}

extension JSONObject: RandomAccessCollection {
    package var startIndex: Int { 0 }

    package var endIndex: Int { self.members.count }

    /// The member at a position in the order of writing.
    package subscript(position: Int) -> (key: String, value: JSONValue) { (self.members[position].key, self.members[position].value) }
}

extension JSONObject: Hashable {
    /// Objects are equal when they have equal members in any order, as JSON's data model and JSON Schema say.
    package static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.members.count == right.members.count && left.members.allSatisfy { right[$0.key] == $0.value }
    }

    package func hash(into hasher: inout Hasher) {
        // A sum does not depend on the order.
        var sum = 0
        for member in self.members {
            var memberHasher = Hasher()
            member.key.hashBytes(into: &memberHasher)
            memberHasher.combine(member.value)
            sum &+= memberHasher.finalize()
        }
        hasher.combine(sum)
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.init(elements.lazy.map { (key: $0.0, value: $0.1) })
    }
}
