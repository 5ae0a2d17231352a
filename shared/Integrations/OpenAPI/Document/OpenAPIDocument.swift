import JSON

/// An OpenAPI document of version 3.0 or 3.1, read and not yet taken apart.
package struct OpenAPIDocument: Sendable {
    /// The specification that the document follows; they differ in how schemas are written.
    package enum Version: Sendable, Hashable {
        /// 3.0: a dialect of an early JSON Schema, with `nullable`.
        case v30
        /// 3.1: JSON Schema 2020-12.
        case v31
    }

    package let version: Version
    /// `info.title`; empty where there is none.
    package let title: String
    /// `info.description`, or the summary; empty where there is neither.
    package let summary: String
    /// Where the document was read, against which relative server URLs are resolved.
    package let url: String?
    let root: JSONValue

    /// Reads JSON or YAML text in UTF-8, with or without a byte order mark.
    ///
    /// - Parameter url: Where the bytes came from, where that is a URL.
    /// - Throws: ``OpenAPIError`` for anything that is not an OpenAPI 3.0 or 3.1 document within the limits.
    package init(reading bytes: [UInt8], url: String? = nil, limits: OpenAPILimits = OpenAPILimits()) throws(OpenAPIError) {
        guard bytes.count <= limits.maxDocumentBytes else {
            throw OpenAPIError(
                .limitExceeded, "The document is longer than \(limits.maxDocumentBytes) bytes (roost.openapi.max_document_bytes).")
        }
        let root = try Self.parse(bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes, limits: limits)
        self.version = try Self.version(of: root)
        let info = root["info"]
        self.title = info?["title"]?.plainText ?? ""
        self.summary = info?["description"]?.string ?? info?["summary"]?.string ?? ""
        self.url = url
        self.root = root
    }

    private static func parse(_ bytes: [UInt8], limits: OpenAPILimits) throws(OpenAPIError) -> JSONValue {
        guard let first = bytes.first(where: { $0 > 0x20 }) else { throw OpenAPIError(.notADocument, "The document is empty.") }
        if first == UInt8(ascii: "<") {
            throw OpenAPIError(.notADocument, "This is an HTML or XML page. Give the URL of the OpenAPI document itself (JSON or YAML).")
        }
        guard first == UInt8(ascii: "{") else { return try YAMLReader.read(bytes, limits: limits) }
        do {
            return try JSONValue(parsing: bytes, limits: limits.json)
        } catch {
            switch error.code {
            case .tooManyValues:
                throw OpenAPIError(.limitExceeded, "The document is too large: \(error.description) (roost.openapi.max_values).")
            case .tooLarge, .tooDeep, .numberTooLong:
                throw OpenAPIError(.limitExceeded, "The document is too large: \(error.description).")
            default: break
            }
            // A brace also begins YAML in flow style. If that fails too, the fault in the JSON text is the better one to report.
            if let value = try? YAMLReader.read(bytes, limits: limits) { return value }
            throw OpenAPIError(.syntax, "The document is not valid JSON: \(error.description).")
        }
    }

    private static func version(of root: JSONValue) throws(OpenAPIError) -> Version {
        guard let root = root.object else {
            throw OpenAPIError(
                .notADocument, "This is not an OpenAPI document: it is not an object. Hand in the document's text or its http(s) URL.")
        }
        if let swagger = root["swagger"]?.plainText {
            throw OpenAPIError(
                .unsupportedVersion,
                "This is a Swagger \(swagger.printable(16)) document. Roost reads OpenAPI 3.0 and 3.1; convert it first, for example with swagger2openapi."
            )
        }
        guard let version = root["openapi"]?.plainText else {
            throw OpenAPIError(.notADocument, "This is not an OpenAPI document: it has no `openapi` field that names its version.")
        }
        guard root["paths"]?.object != nil || version.hasPrefix("3.1") else {
            throw OpenAPIError(.notADocument, "This is not a complete OpenAPI document: it has no `paths`.")
        }
        switch version.split(separator: ".").prefix(2).joined(separator: ".") {
        case "3.0": return .v30
        case "3.1": return .v31
        default:
            throw OpenAPIError(
                .unsupportedVersion, "This is an OpenAPI \(version.printable(16)) document. Roost reads versions 3.0 and 3.1.")
        }
    }
}

extension JSONValue {
    /// A string, or what a number was written as: YAML reads an unquoted `3.1` or `1.0` as a number.
    var plainText: String? { self.string ?? self.number?.description }
}
