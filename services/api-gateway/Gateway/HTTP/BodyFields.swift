import JSON

/// Reads the fields of a JSON request body, and reports every fault at once with its JSON Pointer.
///
/// Unknown fields are faults too: a misspelt optional field would otherwise change nothing, silently.
struct BodyFields {
    private let object: JSONObject
    private var faults: [Problem.Fault] = []
    private var read: Set<String> = []

    init(_ body: JSONValue) throws {
        guard let object = body.object else { throw Problem.badRequest("The body must be a JSON object.") }
        self.object = object
    }

    mutating func string(_ name: String, maxCharacters: Int = 1000) -> String {
        guard let text = self.optionalString(name, maxCharacters: maxCharacters) else {
            if !self.faults.contains(where: { $0.pointer == "/\(name)" }) { self.fault(name, "is required and must be a string") }
            return ""
        }
        if text.isEmpty { self.fault(name, "must not be empty") }
        return text
    }

    mutating func optionalString(_ name: String, maxCharacters: Int = 1000) -> String? {
        guard let value = self.value(name) else { return nil }
        guard let text = value.string else {
            self.fault(name, "must be a string")
            return nil
        }
        guard text.utf8.count <= maxCharacters else {
            self.fault(name, "must have at most \(maxCharacters) bytes")
            return nil
        }
        return text
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable>(_ name: String, default fallback: Choice? = nil) -> Choice?
    where Choice.RawValue == String {
        let words = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        guard let value = self.value(name) else {
            if fallback == nil { self.fault(name, "is required and must be one of \(words)") }
            return fallback
        }
        guard let choice = value.string.flatMap(Choice.init(rawValue:)) else {
            self.fault(name, "must be one of \(words)")
            return nil
        }
        return choice
    }

    /// An object whose members are all strings, such as the variables of a connection.
    mutating func strings(_ name: String, maxMembers: Int = 32, maxCharacters: Int = 64 << 10) -> [String: String] {
        guard let value = self.value(name) else { return [:] }
        guard let object = value.object, object.count <= maxMembers else {
            self.fault(name, "must be an object with at most \(maxMembers) members")
            return [:]
        }
        var strings: [String: String] = [:]
        for (key, value) in object {
            guard let text = value.string, text.utf8.count <= maxCharacters else {
                self.fault("\(name)/\(key)", "must be a string of at most \(maxCharacters) bytes")
                continue
            }
            strings[key] = text
        }
        return strings
    }

    mutating func fault(_ name: String, _ message: String) {
        self.faults.append(Problem.Fault(pointer: "/\(name)", message: message))
    }

    /// Ends the reading.
    ///
    /// - Throws: ``Problem`` 400 with every fault.
    consuming func finish() throws {
        let unknown = self.object.map(\.key).filter { !self.read.contains($0) }
        let all = self.faults + unknown.map { Problem.Fault(pointer: "/\($0)", message: "is not a known field") }
        guard all.isEmpty else { throw Problem.badRequest("The body has faults; see `errors`.", faults: all) }
    }

    private mutating func value(_ name: String) -> JSONValue? {
        self.read.insert(name)
        guard let value = self.object[name], !value.isNull else { return nil }
        return value
    }
}
