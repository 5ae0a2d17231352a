import JSON

/// Writes an object as `application/x-www-form-urlencoded` (OpenAPI 3.1.1, section 4.8.15).
struct FormBody {
    private let encodings: [String: BodyBinding.Encoding]

    init(encodings: [String: BodyBinding.Encoding]) { self.encodings = encodings }

    /// The body's bytes.
    ///
    /// A property without an encoding of its own is written by its kind: scalars as they are, arrays element by element under the same
    /// name, objects as JSON text. Null properties are left out, as forms have no null.
    func bytes(_ members: JSONObject) -> [UInt8] {
        var pairs: [(name: String, value: String)] = []
        for (name, value) in members where !value.isNull {
            let encoding = self.encodings[name]
            let kind = encoding?.allowReserved == true ? PercentEncoding.Allowed.reservedInQuery : .unreserved
            if let style = encoding?.style {
                pairs += ParameterWriter(style: style, explode: encoding?.explode ?? true, encoding: kind).pairs(name, value)
            } else {
                let values = value.array ?? [value]
                pairs += values.map { (PercentEncoding.encode(name), PercentEncoding.encode($0.wireText, keeping: kind)) }
            }
        }
        return Array(pairs.map { "\($0.name)=\($0.value)" }.joined(separator: "&").utf8)
    }
}
