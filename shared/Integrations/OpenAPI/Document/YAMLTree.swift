import JSON

/// Builds a value from the events of a YAML stream, and keeps count of what the document would take with its aliases written out.
///
/// A value type without any I/O. Aliases share their value in memory, but whoever walks or writes the tree meets every copy; so each
/// alias is charged the values, bytes and depth of what it stands for ("a billion laughs" is refused at its fourth line).
struct YAMLTree {
    /// What a value costs, aliases written out.
    private struct Cost {
        var values = 1
        var bytes = 0
        var height = 0
    }

    private struct Frame {
        let isMapping: Bool
        let anchor: String?
        var elements: [JSONValue] = []
        var members = JSONObject()
        /// The key whose value comes next.
        var key: String?
        /// Values of merge keys (`<<`), which give the members that the mapping does not have itself.
        var merged: [JSONValue] = []
        var isMerge = false
        var cost = Cost()
    }

    private let limits: OpenAPILimits
    private var stack: [Frame] = []
    private var anchors: [String: (value: JSONValue, cost: Cost)] = [:]
    private var total = Cost(values: 0)
    /// The finished value; nil until the document ends.
    private(set) var root: JSONValue?

    init(limits: OpenAPILimits) { self.limits = limits }

    /// Takes a scalar, as a key or as a value.
    mutating func scalar(_ text: String, isPlain: Bool, tag: String?, anchor: String?) throws(YAMLFault) {
        let cost = Cost(values: 1, bytes: text.utf8.count)
        try self.charge(cost)
        if self.takesKey {
            // A key is its text: `200:` names the response "200", as it would in JSON.
            if let anchor { self.anchors[anchor] = (.string(text), cost) }
            try self.key(text, isMerge: isPlain && text == "<<")
        } else {
            try self.add(YAMLScalar.value(text, isPlain: isPlain, tag: tag), cost, anchor: anchor)
        }
    }

    /// Enters a sequence or a mapping.
    mutating func begin(mapping isMapping: Bool, anchor: String?) throws(YAMLFault) {
        guard !self.takesKey else { throw YAMLFault("has a mapping or a sequence as a key") }
        try self.charge(Cost())
        guard self.stack.count < self.limits.maxDepth else { throw YAMLFault.tooDeep(self.limits) }
        self.stack.append(Frame(isMapping: isMapping, anchor: anchor))
    }

    /// Leaves the innermost sequence or mapping.
    mutating func end() throws(YAMLFault) {
        guard var frame = self.stack.popLast() else { throw YAMLFault("is not well formed") }
        for merged in frame.merged {
            for (key, value) in merged.object ?? [:] where !frame.members.contains(key: key) { frame.members.set(value, forKey: key) }
        }
        let value: JSONValue = frame.isMapping ? .object(frame.members) : .array(frame.elements)
        try self.add(value, frame.cost, anchor: frame.anchor)
    }

    /// Takes an alias of an earlier value.
    mutating func alias(_ anchor: String) throws(YAMLFault) {
        guard let (value, cost) = self.anchors[anchor] else { throw YAMLFault("has an alias of something that was not named before") }
        try self.charge(cost)
        if self.takesKey {
            guard case .string(let text) = value else { throw YAMLFault("has an alias as a key that is not a string") }
            try self.key(text, isMerge: false)
        } else {
            try self.add(value, cost, anchor: nil)
        }
    }

    private var takesKey: Bool {
        guard let frame = self.stack.last else { return false }
        return frame.isMapping && frame.key == nil
    }

    private mutating func key(_ text: String, isMerge: Bool) throws(YAMLFault) {
        let top = self.stack.count - 1
        guard !self.stack[top].members.contains(key: text) else { throw YAMLFault("has the same key twice in one mapping") }
        self.stack[top].key = text
        self.stack[top].isMerge = isMerge
        self.stack[top].cost.bytes += text.utf8.count
    }

    private mutating func add(_ value: JSONValue, _ cost: Cost, anchor: String?) throws(YAMLFault) {
        if let anchor { self.anchors[anchor] = (value, cost) }
        guard self.stack.count + cost.height <= self.limits.maxDepth else { throw YAMLFault.tooDeep(self.limits) }
        guard !self.stack.isEmpty else {
            self.root = value
            return
        }
        let top = self.stack.count - 1
        self.stack[top].cost.values += cost.values
        self.stack[top].cost.bytes += cost.bytes
        self.stack[top].cost.height = max(self.stack[top].cost.height, cost.height + 1)
        guard let key = self.stack[top].key else {
            self.stack[top].elements.append(value)
            return
        }
        self.stack[top].key = nil
        if self.stack[top].isMerge, let merged = Self.mergeable(value) {
            self.stack[top].merged += merged
        } else {
            self.stack[top].members.set(value, forKey: key)
        }
    }

    /// The mappings behind a merge key: one, or several of which the first has precedence.
    private static func mergeable(_ value: JSONValue) -> [JSONValue]? {
        switch value {
        case .object: [value]
        case .array(let values) where values.allSatisfy({ $0.object != nil }): values
        default: nil
        }
    }

    private mutating func charge(_ cost: Cost) throws(YAMLFault) {
        self.total.values += cost.values
        self.total.bytes += cost.bytes
        guard self.total.values <= self.limits.maxValues else {
            throw YAMLFault(
                "holds more than \(self.limits.maxValues) values, aliases written out (roost.openapi.max_values),", isLimit: true)
        }
        guard self.total.bytes <= self.limits.maxDocumentBytes else {
            throw YAMLFault(
                "holds more than \(self.limits.maxDocumentBytes) bytes, aliases written out (roost.openapi.max_document_bytes),",
                isLimit: true)
        }
    }
}

/// What is wrong with a YAML document, to be completed with its place: "The YAML document `message` at line …".
struct YAMLFault: Error {
    let message: String
    /// Whether a bound was passed, rather than the grammar broken.
    let isLimit: Bool

    init(_ message: String, isLimit: Bool = false) {
        self.message = message
        self.isLimit = isLimit
    }

    static func tooDeep(_ limits: OpenAPILimits) -> YAMLFault {
        YAMLFault("nests deeper than \(limits.maxDepth) levels, aliases written out", isLimit: true)
    }
}
