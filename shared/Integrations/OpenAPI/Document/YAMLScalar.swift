import JSON

/// The core schema of YAML 1.2.2, section 10.3.2: what a plain scalar means.
///
/// It is YAML 1.2 on purpose. Under 1.1 a country code `no` becomes false and `12:30` becomes 750, and the same document written as JSON
/// would mean something else.
enum YAMLScalar {
    /// The value of a scalar.
    ///
    /// - Parameters:
    ///   - isPlain: Whether it is written without quotes and not as a block; everything else is a string.
    ///   - tag: An explicit tag, resolved (`tag:yaml.org,2002:str`); others than the core ones do not count.
    static func value(_ text: String, isPlain: Bool, tag: String?) -> JSONValue {
        switch tag {
        case "tag:yaml.org,2002:str", "tag:yaml.org,2002:binary", "tag:yaml.org,2002:timestamp", "!": return .string(text)
        case "tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:null": return self.plain(text)
        default: return isPlain ? self.plain(text) : .string(text)
        }
    }

    private static func plain(_ text: String) -> JSONValue {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        default: break
        }
        guard let first = text.utf8.first,
            first == UInt8(ascii: "-") || first == UInt8(ascii: "+") || first == UInt8(ascii: ".")
                || first.isDigit
        else { return .string(text) }
        return self.number(text).map(JSONValue.number) ?? .string(text)
    }

    /// Reads `[-+]?[0-9]+`, `0o[0-7]+`, `0x[0-9a-fA-F]+` and `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`.
    ///
    /// Infinities and NaN stay text, since JSON has none.
    private static func number(_ text: String) -> JSONNumber? {
        if text.hasPrefix("0o") { return Int(text.dropFirst(2), radix: 8).map { JSONNumber($0) } }
        if text.hasPrefix("0x") { return Int(text.dropFirst(2), radix: 16).map { JSONNumber($0) } }
        var rest = text.utf8[...]
        var written: [UInt8] = []
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            if sign == UInt8(ascii: "-") { written.append(sign) }
            rest.removeFirst()
        }
        let whole = rest.prefix(while: \.isDigit)
        rest = rest.dropFirst(whole.count)
        var fraction = rest.prefix(0)
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            fraction = rest.prefix(while: \.isDigit)
            rest = rest.dropFirst(fraction.count)
        }
        guard !whole.isEmpty || !fraction.isEmpty else { return nil }
        // JSON wants exactly one digit before the point unless the first is not zero.
        let significant = whole.drop { $0 == UInt8(ascii: "0") }
        written += significant.isEmpty ? [UInt8(ascii: "0")] : Array(significant)
        if !fraction.isEmpty { written += [UInt8(ascii: ".")] + Array(fraction) }
        if !rest.isEmpty {
            guard let exponent = self.exponent(rest) else { return nil }
            written += exponent
        }
        return JSONNumber(String(decoding: written, as: UTF8.self))
    }

    private static func exponent(_ text: Substring.UTF8View) -> [UInt8]? {
        var rest = text
        guard let mark = rest.popFirst(), mark | 0x20 == UInt8(ascii: "e") else { return nil }
        var written = [mark]
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            written.append(sign)
            rest.removeFirst()
        }
        guard !rest.isEmpty, rest.allSatisfy(\.isDigit) else { return nil }
        return written + Array(rest)
    }
}
