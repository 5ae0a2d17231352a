import JSON

/// Reads the fields of a JSON request body, and reports every fault at once with its JSON Pointer.
///
/// Unknown fields are faults too: a misspelt optional field would otherwise change nothing, silently. What an answer says of them is
/// bounded, since the body decides how many there are and how long their names.
struct BodyFields {
    /// What a body of fields may cost. An API document inside of one is a single string. Strings are stored, so that half a surrogate
    /// pair, which would come out as another character, is refused.
    static let limits = JSONLimits(maxValues: 10_000, allowsHalfSurrogates: false)
    /// The most faults that are listed; more are counted.
    static let maxListedFaults = 20
    /// The most characters of a member's name that a fault repeats.
    static let maxNameCharacters = 64

    private let object: JSONObject
    private var faults: [Problem.Fault] = []
    private var unlistedFaultCount = 0
    private var read: Set<String> = []

    init(_ body: JSONValue) throws {
        guard let object = body.object else { throw Problem.badRequest("The body must be a JSON object.") }
        self.object = object
    }

    mutating func string(_ name: String, maxCharacters: Int = 1000) -> String {
        guard let text = self.optionalString(name, maxCharacters: maxCharacters) else {
            if self.object[name]?.isNull ?? true { self.fault(name, "is required and must be a string") }
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
                self.fault(at: [name, key], "must be a string of at most \(maxCharacters) bytes")
                continue
            }
            strings[key] = text
        }
        return strings
    }

    mutating func fault(_ name: String, _ message: String) {
        self.fault(at: [name], message)
    }

    /// A fault of a member's member.
    mutating func fault(_ name: String, _ member: String, _ message: String) {
        self.fault(at: [name, member], message)
    }

    private mutating func fault(at path: [String], _ message: String) {
        guard self.faults.count < Self.maxListedFaults else {
            self.unlistedFaultCount += 1
            return
        }
        // Scalars, because one character may have any number of them.
        let pointer = JSONPointer(
            path.map {
                $0.unicodeScalars.count > Self.maxNameCharacters ? String($0.unicodeScalars.prefix(Self.maxNameCharacters)) + "…" : $0
            })
        self.faults.append(Problem.Fault(pointer: "\(pointer)", message: message))
    }

    /// Ends the reading.
    ///
    /// - Throws: ``Problem`` 400 with every fault.
    mutating func finish() throws {
        for (key, _) in self.object where !self.read.contains(key) { self.fault(key, "is not a known field") }
        guard self.faults.isEmpty else {
            throw Problem.badRequest(
                "The body has faults; see `errors`.", faults: self.faults, unlistedFaultCount: self.unlistedFaultCount)
        }
    }

    private mutating func value(_ name: String) -> JSONValue? {
        self.read.insert(name)
        guard let value = self.object[name], !value.isNull else { return nil }
        return value
    }
}
