import Egress
import JSON

/// Finds the URL that calls go to among `servers` of a document, a path or an operation.
struct ServerReader {
    private let documentURL: EgressURL?

    init(documentURL: String?) {
        self.documentURL = documentURL.flatMap { try? EgressURL(parsing: $0, maxBytes: Self.maxBytes) }
    }

    private static let maxBytes = 4_096

    /// The first server with its variables' defaults filled in, absolute; nil where there is none or it cannot be used.
    ///
    /// Without `servers` the document's own host is meant (`/`, OpenAPI 3.1.1, section 4.8.1.1), which only a document read from a URL has.
    func url(of servers: JSONValue?, isRoot: Bool, faults: inout IngestFaults) -> String? {
        let first = servers?.array?.first
        guard let template = first?["url"]?.string ?? (isRoot && (servers?.array ?? []).isEmpty ? "/" : nil) else { return nil }
        guard let text = Self.expand(template, variables: first?["variables"]?.object ?? [:]) else {
            faults.add("The server URL \(template.printable(200)) has a variable without a default, or is too long. Give a base URL.")
            return nil
        }
        // A fragment or query on a server URL means nothing.
        let reference = String(text.prefix { $0 != "#" })
        if let absolute = try? EgressURL(parsing: reference, maxBytes: Self.maxBytes) { return absolute.text }
        if !reference.contains("://"), let documentURL = self.documentURL {
            if let resolved = try? documentURL.resolving(reference, maxBytes: Self.maxBytes) { return resolved.text }
        }
        if first != nil {
            faults.add("The server URL \(template.printable(200)) cannot be used as it is. Give a base URL.")
        }
        return nil
    }

    /// Nil for a variable without a default, and for what is longer than any URL may be: each of many variables may stand for megabytes.
    private static func expand(_ template: String, variables: JSONObject) -> String? {
        guard template.utf8.count <= self.maxBytes else { return nil }
        var result = ""
        var rest = template[...]
        while let open = rest.firstIndex(of: "{") {
            guard let close = rest[open...].firstIndex(of: "}") else { return nil }
            let variable = variables[String(rest[rest.index(after: open)..<close])]
            guard let value = variable?["default"]?.plainText ?? variable?["enum"]?[0]?.plainText else { return nil }
            result += rest[..<open] + value
            guard result.utf8.count <= self.maxBytes else { return nil }
            rest = rest[rest.index(after: close)...]
        }
        return result + rest
    }
}
