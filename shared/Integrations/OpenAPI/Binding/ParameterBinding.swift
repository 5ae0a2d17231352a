import JSON

/// How one parameter of an operation goes from an argument onto the wire.
package struct ParameterBinding: Sendable, Hashable {
    /// The part of the request that carries it.
    package enum Location: String, Sendable, Hashable, CaseIterable {
        case path, query, header, cookie
    }

    /// How arrays and objects are written (OpenAPI 3.1.1, section 4.8.12.3).
    package enum Style: String, Sendable, Hashable, CaseIterable {
        case simple, form, label, matrix, spaceDelimited, pipeDelimited, deepObject

        /// What holds where a document names no style.
        package static func standard(in location: Location) -> Style {
            switch location {
            case .path, .header: .simple
            case .query, .cookie: .form
            }
        }
    }

    /// What a text argument may be turned into, or a scalar into text, because both look alike on the wire anyway.
    package enum Coercion: String, Sendable, Hashable {
        case text, number, boolean
    }

    /// The name on the wire.
    package var name: String
    /// The name among the tool's arguments; differs from ``name`` where two parameters share one.
    package var argument: String
    package var location: Location
    package var isRequired: Bool
    package var style: Style
    package var explode: Bool
    package var allowReserved: Bool
    /// Whether the value is written as JSON text (`content` instead of `schema`).
    package var isJSON: Bool
    package var coercion: Coercion?

    package init(
        name: String, argument: String? = nil, location: Location, isRequired: Bool = false, style: Style? = nil, explode: Bool? = nil,
        allowReserved: Bool = false, isJSON: Bool = false, coercion: Coercion? = nil
    ) {
        self.name = name
        self.argument = argument ?? name
        self.location = location
        self.isRequired = isRequired || location == .path
        self.style = style ?? .standard(in: location)
        self.explode = explode ?? (self.style == .form || self.style == .deepObject)
        self.allowReserved = allowReserved
        self.isJSON = isJSON
        self.coercion = coercion
    }
}

extension ParameterBinding {
    /// The stored form, without what holds anyway.
    var json: JSONValue {
        var object: JSONObject = ["name": .string(self.name), "in": .string(self.location.rawValue)]
        if self.argument != self.name { object["argument"] = .string(self.argument) }
        if self.isRequired, self.location != .path { object["required"] = true }
        if self.style != .standard(in: self.location) { object["style"] = .string(self.style.rawValue) }
        if self.explode != (self.style == .form || self.style == .deepObject) { object["explode"] = .bool(self.explode) }
        if self.allowReserved { object["allowReserved"] = true }
        if self.isJSON { object["json"] = true }
        if let coercion = self.coercion { object["coercion"] = .string(coercion.rawValue) }
        return .object(object)
    }

    /// Reads the stored form; nil where it is not one.
    init?(json: JSONValue) {
        guard let name = json["name"]?.string, let location = json["in"]?.string.flatMap(Location.init(rawValue:)) else { return nil }
        self.init(
            name: name, argument: json["argument"]?.string, location: location, isRequired: json["required"]?.bool ?? false,
            style: json["style"]?.string.flatMap(Style.init(rawValue:)), explode: json["explode"]?.bool,
            allowReserved: json["allowReserved"]?.bool ?? false, isJSON: json["json"]?.bool ?? false,
            coercion: json["coercion"]?.string.flatMap(Coercion.init(rawValue:)))
    }
}
