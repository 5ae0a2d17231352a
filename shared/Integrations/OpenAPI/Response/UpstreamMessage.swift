import JSON

/// Finds the sentence for people in the many shapes in which APIs report errors.
enum UpstreamMessage {
    private static let maxCharacters = 1_024

    /// The message of an error body; nil where nothing in it looks like one.
    static func find(in body: JSONValue) -> String? {
        let candidates: [JSONValue?] = [
            body["error"]?["message"], body["error"]?["error_description"], body["message"], body["errorMessage"],
            body["error_description"],
            body["errors"]?[0]?["detail"], body["errors"]?[0]?["message"], body["errors"]?[0]?["title"], body["errors"]?[0], body["detail"],
            body["title"], body["description"], body["error"],
        ]
        for case .string(let text)? in candidates where !text.trimmed.isEmpty { return self.bounded(text.trimmed) }
        return body.string.map { self.bounded($0.trimmed) }
    }

    /// The first characters of a text, with a mark where it is cut.
    static func bounded(_ text: String) -> String {
        text.count <= self.maxCharacters ? text : text.prefix(self.maxCharacters - 1) + "…"
    }
}
