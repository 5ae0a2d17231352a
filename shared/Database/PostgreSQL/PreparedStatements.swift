import CPostgres

/// Which statements the server keeps prepared on one connection: bounded, and the one that was not used for longest goes first.
///
/// A statement is prepared with the types of its values. NULL has none, so that a statement that was first used with NULL is prepared
/// again, once, when a value comes; from then on it takes both.
struct PreparedStatements {
    /// What to do before a statement can be executed.
    struct Plan: Equatable {
        /// The name under which the server knows it, or will.
        var name: String
        /// Types to prepare it with first; nil when it is prepared already, or was just sent to be.
        var preparing: [Oid]?
        /// The names of statements to remove first.
        var removing: [String] = []
    }

    private struct Entry {
        var name: String
        var types: [Oid]
        var lastUse: UInt64
        /// Whether the server has said that it knows it. Only then may it be removed by name.
        var isConfirmed = false
    }

    private let capacity: Int
    private var entries: [String: Entry] = [:]
    private var useCount: UInt64 = 0

    init(capacity: Int) { self.capacity = max(1, capacity) }

    var count: Int { self.entries.count }

    /// A statement is about to be executed with values of these types.
    mutating func use(_ sql: String, types: [Oid]) -> Plan {
        self.useCount += 1
        if var entry = self.entries[sql] {
            entry.lastUse = self.useCount
            if zip(entry.types, types).allSatisfy({ $1 == 0 || $0 == $1 }) {
                self.entries[sql] = entry
                return Plan(name: entry.name)
            }
            let merged = zip(entry.types, types).map { $1 == 0 ? $0 : $1 }
            var plan = self.insert(sql, types: merged)
            if entry.isConfirmed { plan.removing.append(entry.name) }
            return plan
        }
        let evicted = self.entries.count >= self.capacity ? self.evict() : nil
        var plan = self.insert(sql, types: types)
        if let evicted { plan.removing.append(evicted) }
        return plan
    }

    /// The server has prepared it.
    mutating func confirm(_ sql: String, name: String) {
        guard self.entries[sql]?.name == name else { return }
        self.entries[sql]?.isConfirmed = true
    }

    /// The server has not prepared it, or its plan no longer fits the tables.
    mutating func forget(_ sql: String, name: String) {
        guard self.entries[sql]?.name == name else { return }
        self.entries[sql] = nil
    }

    private mutating func insert(_ sql: String, types: [Oid]) -> Plan {
        let name = "s\(self.useCount)"
        self.entries[sql] = Entry(name: name, types: types, lastUse: self.useCount)
        return Plan(name: name, preparing: types)
    }

    /// Makes room; the name to remove on the server. Statements that are still being prepared stay, for as long as that takes.
    private mutating func evict() -> String? {
        guard let oldest = self.entries.filter(\.value.isConfirmed).min(by: { $0.value.lastUse < $1.value.lastUse }) else { return nil }
        self.entries[oldest.key] = nil
        return oldest.value.name
    }
}
