import JSON

/// How a tool's `body` argument becomes a request's body.
package struct BodyBinding: Sendable, Hashable {
    /// What can be written.
    package enum Kind: String, Sendable, Hashable {
        case json
        /// `application/x-www-form-urlencoded`.
        case form
        /// Anything else: the tool is listed, and calling it with a body answers `unsupported_body`.
        case unsupported
    }

    /// How one property of a form is written (OpenAPI 3.1.1, section 4.8.15).
    package struct Encoding: Sendable, Hashable {
        /// Nil unless the document asks for a style, explode or reserved characters; then objects are written as JSON.
        package var style: ParameterBinding.Style?
        package var explode: Bool
        package var allowReserved: Bool

        package init(style: ParameterBinding.Style? = nil, explode: Bool = true, allowReserved: Bool = false) {
            self.style = style
            self.explode = explode
            self.allowReserved = allowReserved
        }
    }

    package var kind: Kind
    /// The media type that is sent, or that would have to be.
    package var contentType: String
    package var isRequired: Bool
    /// By property, for forms.
    package var encodings: [String: Encoding]

    package init(kind: Kind, contentType: String, isRequired: Bool = false, encodings: [String: Encoding] = [:]) {
        self.kind = kind
        self.contentType = contentType
        self.isRequired = isRequired
        self.encodings = encodings
    }
}

extension BodyBinding {
    /// The stored form.
    var json: JSONValue {
        var object: JSONObject = ["kind": .string(self.kind.rawValue), "type": .string(self.contentType)]
        if self.isRequired { object["required"] = true }
        if !self.encodings.isEmpty {
            object["encodings"] = .object(JSONObject(self.encodings.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value.json) }))
        }
        return .object(object)
    }

    /// Reads the stored form; nil where it is not one.
    init?(json: JSONValue) {
        guard let kind = json["kind"]?.string.flatMap(Kind.init(rawValue:)), let contentType = json["type"]?.string else { return nil }
        var encodings: [String: Encoding] = [:]
        for (key, value) in json["encodings"]?.object ?? [:] { encodings[key] = Encoding(json: value) }
        self.init(kind: kind, contentType: contentType, isRequired: json["required"]?.bool ?? false, encodings: encodings)
    }
}

extension BodyBinding.Encoding {
    fileprivate var json: JSONValue {
        var object = JSONObject()
        if let style = self.style { object["style"] = .string(style.rawValue) }
        if !self.explode { object["explode"] = false }
        if self.allowReserved { object["allowReserved"] = true }
        return .object(object)
    }

    fileprivate init(json: JSONValue) {
        self.init(
            style: json["style"]?.string.flatMap(ParameterBinding.Style.init(rawValue:)), explode: json["explode"]?.bool ?? true,
            allowReserved: json["allowReserved"]?.bool ?? false)
    }
}
