import Configuration
package import Model

/// Reads typed settings, and collects every fault instead of stopping at the first.
///
/// A read whose value is missing or wrong returns the default, so that reading goes on and the rest is checked too; ``finish()`` then
/// throws all faults together. Each read also records a ``SettingDefinition``: the same calls that configure a process document it.
package struct SettingsReader {
    private let source: SettingsSource
    private(set) var faults: [SettingFault] = []
    /// Keys for tests of Roost itself.
    private var testKeys: [String] = []
    /// Every key read so far, in the order of reading.
    package private(set) var definitions: [SettingDefinition] = []

    package init(_ source: SettingsSource) { self.source = source }

    // MARK: - Values

    /// Text, as it stands.
    package mutating func string(_ key: String, default fallback: String, _ summary: String) -> String {
        self.read(key, type: "text", defaultText: fallback, summary) { .success($0) } ?? fallback
    }

    /// Text that must be given; a missing one is a fault, and reads as empty.
    package mutating func requiredString(_ key: String, _ summary: String) -> String {
        let value = self.read(key, type: "text, required", defaultText: nil, summary) { .success($0) }
        if value == nil, !self.faults.contains(where: { $0.key == key }) {
            self.faults.append(SettingFault(key: key, message: "is required"))
        }
        return value ?? ""
    }

    /// Text that may be left out.
    package mutating func optionalString(_ key: String, _ summary: String) -> String? {
        self.read(key, type: "text", defaultText: nil, summary) { .success($0) }
    }

    /// A secret that may be left out; its value is in no fault, log or description.
    package mutating func optionalSecret(_ key: String, _ summary: String) -> Secret? {
        self.read(key, type: "secret", defaultText: nil, summary, isSecret: true) { .success(Secret($0)) }
    }

    /// A whole number within a range.
    package mutating func integer(_ key: String, default fallback: Int, in range: ClosedRange<Int>, _ summary: String) -> Int {
        let type = range.upperBound == .max ? "integer from \(range.lowerBound)" : "integer \(range.lowerBound)...\(range.upperBound)"
        return self.read(key, type: type, defaultText: String(fallback), summary) { text in
            guard let value = Int(text), range.contains(value) else { return .failure("must be an \(type)") }
            return .success(value)
        } ?? fallback
    }

    /// `true` or `false`.
    package mutating func boolean(_ key: String, default fallback: Bool, _ summary: String) -> Bool {
        self.read(key, type: "true or false", defaultText: String(fallback), summary) { text in
            Bool(text.lowercased()).map { .success($0) } ?? .failure("must be true or false")
        } ?? fallback
    }

    /// A span of time such as `250ms`, `5s`, `10m` or `24h`.
    package mutating func duration(
        _ key: String, default fallback: Duration, in range: ClosedRange<Duration> = .milliseconds(1) ... .seconds(366 * 86_400),
        _ summary: String
    ) -> Duration {
        self.read(key, type: "duration", defaultText: DurationText.format(fallback), summary) { text in
            guard let value = DurationText.parse(text) else { return .failure("must be a duration such as 250ms, 5s, 10m or 24h") }
            guard range.contains(value) else {
                let bounds = "\(DurationText.format(range.lowerBound)) to \(DurationText.format(range.upperBound))"
                return .failure("must lie within \(bounds)")
            }
            return .success(value)
        } ?? fallback
    }

    /// A number of bytes such as `65536`, `64KiB` or `10MiB`.
    package mutating func byteCount(
        _ key: String, default fallback: Int, in range: ClosedRange<Int> = 1...1 << 40, _ summary: String
    ) -> Int {
        self.read(key, type: "byte count", defaultText: ByteCountText.format(fallback), summary) { text in
            guard let value = ByteCountText.parse(text) else { return .failure("must be a byte count such as 65536, 64KiB or 10MiB") }
            guard range.contains(value) else {
                let bounds = "\(ByteCountText.format(range.lowerBound)) to \(ByteCountText.format(range.upperBound))"
                return .failure("must lie within \(bounds)")
            }
            return .success(value)
        } ?? fallback
    }

    /// One of a few words.
    package mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String, default fallback: Choice, _ summary: String
    ) -> Choice where Choice.RawValue == String {
        let words = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        return self.read(key, type: "one of \(words)", defaultText: fallback.rawValue, summary) { text in
            Choice(rawValue: text).map { .success($0) } ?? .failure("must be one of \(words)")
        } ?? fallback
    }

    /// A list: a YAML sequence, or comma-separated in the environment.
    package mutating func list(_ key: String, _ summary: String) -> [String] {
        self.define(key, type: "list of text", defaultText: "empty", summary)
        guard self.source.gives(key) else { return [] }
        do {
            return try self.source.config.requiredStringArray(forKey: ConfigKey(key)).filter { !$0.isEmpty }
        } catch {
            self.faults.append(SettingFault(key: key, message: "must be a list of text"))
            return []
        }
    }

    /// `true` or not there, for tests of Roost itself: in builds for debugging alone. It is no part of the documentation, and to every
    /// other build a key like any that nobody knows, which keeps it from starting.
    package mutating func testFlag(_ key: String) -> Bool {
        #if DEBUG
        precondition(key.hasPrefix("roost.test."), "a key for tests says so")
        self.testKeys.append(key)
        guard self.source.gives(key) else { return false }
        let isSet = (try? self.source.config.requiredString(forKey: ConfigKey(key))) == "true"
        if !isSet { self.faults.append(SettingFault(key: key, message: "must be true, or left out")) }
        return isSet
        #else
        return false
        #endif
    }

    // MARK: - Faults

    /// Records a fault that only several settings together show.
    package mutating func fault(_ key: String, _ message: String) {
        self.faults.append(SettingFault(key: key, message: message))
    }

    /// Ends the reading: keys that were given but never read are faults too.
    ///
    /// - Throws: ``ConfigurationError`` with every fault.
    package consuming func finish() throws {
        let keys = Set(self.definitions.map(\.key) + self.testKeys)
        let names = Set(keys.map(SettingDefinition.environmentName(of:)))
        let unknown =
            self.source.fileKeys.filter { !keys.contains($0) } + self.source.environmentNames.filter { !names.contains($0) }
        let all = self.faults + unknown.map { SettingFault(key: $0, message: "is not a known key; see docs/configuration.md") }
        guard all.isEmpty else { throw ConfigurationError(faults: all) }
    }

    // MARK: - Internals

    private enum Parsed<Value> {
        case success(Value)
        case failure(String)
    }

    private mutating func define(_ key: String, type: String, defaultText: String?, _ summary: String) {
        precondition(!self.definitions.contains { $0.key == key }, "the key \(key) is read twice")
        self.definitions.append(SettingDefinition(key: key, type: type, defaultText: defaultText, summary: summary))
    }

    private mutating func read<Value>(
        _ key: String, type: String, defaultText: String?, _ summary: String, isSecret: Bool = false,
        parse: (String) -> Parsed<Value>
    ) -> Value? {
        self.define(key, type: type, defaultText: defaultText, summary)
        guard self.source.gives(key) else { return nil }
        let text: String
        do {
            text = try self.source.config.requiredString(forKey: ConfigKey(key), isSecret: isSecret)
        } catch {
            self.faults.append(SettingFault(key: key, message: "must be a single value: \(type)"))
            return nil
        }
        guard !text.isEmpty else {
            self.faults.append(SettingFault(key: key, message: "is empty; leave it out for the default"))
            return nil
        }
        switch parse(text) {
        case .success(let value): return value
        case .failure(let message):
            self.faults.append(SettingFault(key: key, message: message))
            return nil
        }
    }
}
