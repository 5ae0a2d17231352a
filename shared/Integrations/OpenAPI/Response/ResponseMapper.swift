package import Egress
package import JSON
package import Model

/// Turns an API's answer into what the program gets.
///
/// A JSON body stays the bytes that came, checked and not built into a tree: an answer of 10 MB costs its own size.
package struct ResponseMapper: Sendable {
    private let effect: ToolEffect
    private let redactor: SecretRedactor?
    private let jsonLimits: JSONLimits

    /// - Parameters:
    ///   - effect: Of the tool; an answer that says "later" allows another try of a write only where nothing can have happened.
    ///   - redactor: Takes out the credentials that were sent.
    package init(effect: ToolEffect, redactor: SecretRedactor? = nil, jsonLimits: JSONLimits = .default) {
        self.effect = effect
        self.redactor = redactor
        self.jsonLimits = jsonLimits
    }

    /// The result of a call that was answered.
    package func result(of response: EgressResponse) -> ToolResult {
        let body = self.redactor?.redact(response.body) ?? response.body
        let headers = self.headers(of: response)
        let contentType = headers.first { $0.name == "content-type" }?.value
        if (200..<300).contains(response.status) || response.status == 304 {
            let isEmpty = body.isEmpty || response.status == 204 || response.status == 205 || response.status == 304
            let data = isEmpty ? JSONText(.null) : self.data(body, MediaType(contentType ?? ""), headers)
            return .success(data: data, http: .init(status: response.status, headers: headers))
        }
        return .failure(self.error(status: response.status, body, MediaType(contentType ?? ""), headers))
    }

    // MARK: Success

    private func data(_ body: [UInt8], _ type: MediaType, _ headers: [(name: String, value: String)]) -> JSONText {
        if type.isJSON || (type.essence.isEmpty && Self.looksLikeJSON(body)) {
            if let text = try? JSONText(validating: body, limits: self.jsonLimits) { return text }
            return JSONText(.string(Self.text(body, charset: type.charset)))
        }
        if type.isText || (type.essence.isEmpty && String(validating: body, as: UTF8.self) != nil) {
            return JSONText(.string(Self.text(body, charset: type.charset)))
        }
        return FileContent.json(body, mimeType: type.essence, disposition: headers.first { $0.name == "content-disposition" }?.value)
    }

    private static func looksLikeJSON(_ body: [UInt8]) -> Bool {
        let first = body.first { $0 > 0x20 }
        return first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
    }

    /// The characters of a body; what is not UTF-8 and not declared as Latin-1 is read as UTF-8 with replacements.
    private static func text(_ body: [UInt8], charset: String?) -> String {
        if let charset, ["iso-8859-1", "latin1", "windows-1252"].contains(charset) {
            return String(String.UnicodeScalarView(body.map { Unicode.Scalar($0) }))
        }
        let isMarked = body.starts(with: [0xEF, 0xBB, 0xBF])
        return isMarked ? String(decoding: body.dropFirst(3), as: UTF8.self) : String(decoding: body, as: UTF8.self)
    }

    // MARK: Failure

    private func error(
        status: Int, _ body: [UInt8], _ type: MediaType, _ headers: [(name: String, value: String)]
    ) -> ToolError {
        let json = try? JSONText(validating: body, limits: self.jsonLimits)
        // Error bodies are read as text whatever their type says, if they are text at all.
        let text = json == nil ? String(validating: body, as: UTF8.self)?.trimmed : nil
        let details = json ?? text.flatMap { $0.isEmpty ? nil : JSONText(.string($0)) }
        let isRejected = status == 401 || status == 403
        let retryAfter = headers.first { $0.name == "retry-after" }.flatMap { field in
            RetryAfter.duration(field.value, date: headers.first { $0.name == "date" }?.value)
        }
        return ToolError(
            code: isRejected ? "connection_rejected" : "upstream_http_error",
            message: self.message(status: status, json, text, isHTML: type.essence == "text/html"), status: status, details: details,
            retryable: self.isRetryable(status), retryAfter: retryAfter)
    }

    /// The tree of an error's body is only built where it is small; a sentence for people is not found in megabytes.
    private func message(status: Int, _ json: JSONText?, _ text: String?, isHTML: Bool) -> String {
        let limits = JSONLimits(maxBytes: 256 << 10, maxDepth: 64, maxValues: 20_000)
        let tree = json.flatMap { try? $0.value(limits: limits) }
        let found =
            tree.flatMap(UpstreamMessage.find) ?? (isHTML ? nil : text.map(UpstreamMessage.bounded))
            ?? json.map { UpstreamMessage.bounded(String(decoding: $0.bytes.prefix(4_096), as: UTF8.self)) }
        let head =
            status == 401 || status == 403
            ? "The API refused the connection's credentials or their permissions (HTTP \(status))" : "The API answered HTTP \(status)"
        return found.map { $0.isEmpty ? "\(head)." : "\(head): \($0)" } ?? "\(head)."
    }

    /// 429 says that nothing was done. The others may come from a proxy while the server does what it was asked, so they allow another
    /// try only of what changes nothing. Nil where nothing can be said.
    private func isRetryable(_ status: Int) -> Bool? {
        switch status {
        case 429: true
        case 502, 503, 504: self.effect == .read ? true : nil
        case 408, 425, 500...599: nil
        default: false
        }
    }

    // MARK: Fields

    private static let hidden: Set<String> = [
        "set-cookie", "set-cookie2", "authorization", "proxy-authorization", "authentication-info", "proxy-authentication-info",
    ]

    private func headers(of response: EgressResponse) -> [(name: String, value: String)] {
        response.headers.compactMap { field in
            let name = field.name.lowercased()
            guard !Self.hidden.contains(name) else { return nil }
            return (name, self.redactor?.redact(field.value) ?? field.value)
        }
    }
}
