import JSON

/// A call of a built-in tool that makes no sense; the program sees an error with this message.
struct CallFault: Error {
    let message: String
}

/// Reads the arguments of a built-in tool, strictly: a misspelled name is a fault and not a default.
struct BuiltInArguments {
    private let call: String
    private let members: JSONObject

    init(of call: String, _ argument: JSONText?, allowed: [String], limits: JSONLimits) throws(CallFault) {
        self.call = call
        guard let argument else {
            self.members = [:]
            return
        }
        guard let value = try? argument.value(limits: limits), let members = value.object else {
            throw CallFault(message: "tools.\(call) takes one object with \(Self.list(allowed)).")
        }
        for (key, _) in members where !allowed.contains(key) {
            throw CallFault(message: "tools.\(call) does not know the argument `\(key.prefix(64))`. It takes \(Self.list(allowed)).")
        }
        self.members = members
    }

    /// A string of at most `maxBytes`; nil when it is left out.
    func string(_ key: String, maxBytes: Int = 1024) throws(CallFault) -> String? {
        guard let value = self.members[key] else { return nil }
        guard let text = value.string else { throw CallFault(message: "tools.\(self.call): `\(key)` must be a string.") }
        guard text.utf8.count <= maxBytes else {
            throw CallFault(message: "tools.\(self.call): `\(key)` may have at most \(maxBytes) bytes.")
        }
        return text
    }

    /// An integer within a range.
    func integer(_ key: String, default: Int, in range: ClosedRange<Int>) throws(CallFault) -> Int {
        guard let value = self.members[key] else { return `default` }
        guard let number = value.int, range.contains(number) else {
            throw CallFault(message: "tools.\(self.call): `\(key)` must be an integer from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    private static func list(_ names: [String]) -> String { names.map { "`\($0)`" }.joined(separator: ", ") }
}
