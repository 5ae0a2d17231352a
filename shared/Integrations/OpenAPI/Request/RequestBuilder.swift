import Egress
package import JSON
package import Model

/// Makes the request of a call. The same function checks a call before anybody is asked to approve it and makes what is sent, so that
/// the two cannot differ.
package struct RequestBuilder: Sendable {
    private let binding: OperationBinding
    private let limits: RequestLimits

    package init(_ binding: OperationBinding, limits: RequestLimits = RequestLimits()) {
        self.binding = binding
        self.limits = limits
    }

    /// Builds the request.
    ///
    /// - Parameters:
    ///   - arguments: In the form of ``OperationBinding/canonicalArguments(_:)``.
    ///   - server: The base URL: the connection's, the integration's, or what ``OperationBinding/server`` or the document says; nil when
    ///     none of them has one.
    ///   - credentials: ``CredentialSet/none`` when the request is only built to see whether it can be.
    /// - Throws: `invalid_tool_arguments` naming the argument, `unsupported_body`, `operation_unusable`, `no_server`,
    ///   `connection_value_missing`.
    package func request(_ arguments: JSONObject, server: String?, credentials: CredentialSet = .none) throws(ToolError) -> UpstreamRequest
    {
        if let fault = self.binding.fault {
            throw ToolError(
                code: "operation_unusable", message: "\(self.binding.key) cannot be called: \(fault) Fix the document and refresh it.",
                retryable: false)
        }
        try self.checkRequired(arguments)
        let base = try self.base(server)
        let fields = self.binding.sendsCredentials ? try credentials.fields() : CredentialSet.Fields()
        let template = PathTemplate(self.binding.path)
        let path = try self.path(template, arguments)
        let query = [base.query, template.query].compactMap { $0 } + self.query(arguments, without: Set(fields.query.map(\.name)))
        var request = UpstreamRequest(
            method: self.binding.method, origin: base.origin,
            target: base.path + path + (query.isEmpty ? "" : "?" + query.joined(separator: "&")), headers: [],
            secretHeaders: fields.headers, secretQuery: fields.query, body: nil)
        try self.addBody(arguments["body"], to: &request)
        try self.addHeaders(arguments, to: &request, without: Set(fields.headers.map { $0.name.lowercased() }))
        try self.addCookies(arguments, fields.cookies, to: &request)
        guard request.origin.utf8.count + request.target.utf8.count <= self.limits.maxURLBytes else {
            throw Self.invalid("The arguments make a URL of more than \(self.limits.maxURLBytes) bytes.")
        }
        // Arguments are encoded, so what cannot stand in a URL is the document's.
        guard (try? EgressURL(parsing: request.origin + request.target, maxBytes: self.limits.maxURLBytes)) != nil else {
            throw ToolError(
                code: "operation_unusable",
                message:
                    "\(self.binding.key.printable(200)) cannot be called: its path cannot stand in a URL. Fix the document and refresh it.",
                retryable: false)
        }
        return request
    }

    // MARK: URL

    private func base(_ server: String?) throws(ToolError) -> (origin: String, path: String, query: String?) {
        guard let server else {
            throw ToolError(
                code: "no_server", message: "The API's document names no server. Give the integration or the connection a base URL.",
                retryable: false)
        }
        guard let url = try? EgressURL(parsing: server, maxBytes: self.limits.maxURLBytes) else {
            throw ToolError(code: "no_server", message: "The base URL of this integration or connection cannot be used.", retryable: false)
        }
        var path = url.target.prefix { $0 != "?" }
        let query = url.target.dropFirst(path.count).dropFirst()
        let targetLength = url.target.utf8.count
        while path.hasSuffix("/") { path.removeLast() }
        return (String(url.text.dropLast(targetLength)), String(path), query.isEmpty ? nil : String(query))
    }

    private func path(_ template: PathTemplate, _ arguments: JSONObject) throws(ToolError) -> String {
        var path = ""
        for part in template.parts {
            switch part {
            case .literal(let text): path += text
            case .variable(let name, let keepsReserved):
                guard let parameter = self.binding.parameters.first(where: { $0.location == .path && $0.name == name }),
                    let value = arguments[parameter.argument]
                else { throw Self.missing(name, in: .path) }
                let kind: PercentEncoding.Allowed = keepsReserved || parameter.allowReserved ? .reservedInPath : .unreserved
                let text =
                    parameter.isJSON
                    ? PercentEncoding.encode(value.text())
                    : ParameterWriter(style: parameter.style, explode: parameter.explode, encoding: kind).pathText(name, value)
                // An empty segment would name another resource, often the whole collection.
                guard !text.isEmpty else { throw Self.invalid("The path parameter `\(parameter.argument)` must not be empty.") }
                path += text
            }
        }
        // Some servers cut a segment's own parameters off (`..;x`) before they follow the dots.
        let segments = path.split(separator: "/").map { $0.prefix { $0 != ";" }.lowercased().replacing("%2e", with: ".") }
        guard !segments.contains("."), !segments.contains("..") else {
            throw Self.invalid("A path parameter must not be `.` or `..`, which would name another resource.")
        }
        return path
    }

    private func query(_ arguments: JSONObject, without taken: Set<String>) -> [String] {
        var pairs: [String] = []
        for parameter in self.binding.parameters where parameter.location == .query && !taken.contains(parameter.name) {
            guard let value = arguments[parameter.argument] else { continue }
            if parameter.isJSON {
                pairs.append("\(PercentEncoding.encode(parameter.name))=\(PercentEncoding.encode(value.text()))")
            } else {
                let kind: PercentEncoding.Allowed = parameter.allowReserved ? .reservedInQuery : .unreserved
                let writer = ParameterWriter(style: parameter.style, explode: parameter.explode, encoding: kind)
                pairs += writer.pairs(parameter.name, value).map { "\($0.name)=\($0.value)" }
            }
        }
        return pairs
    }

    // MARK: Fields and body

    private func addHeaders(_ arguments: JSONObject, to request: inout UpstreamRequest, without taken: Set<String>) throws(ToolError) {
        request.headers.insert((name: "accept", value: self.binding.accept), at: 0)
        for parameter in self.binding.parameters where parameter.location == .header {
            let name = parameter.name.lowercased()
            // The document was checked when it was read; a stored binding is checked again, and credentials always come first.
            guard RequestFields.mayBeParameter(name), !taken.contains(name), let value = arguments[parameter.argument] else { continue }
            let text = parameter.isJSON ? value.text() : ParameterWriter.headerText(value, explode: parameter.explode)
            guard RequestFields.isValue(text), text.utf8.count <= self.limits.maxHeaderValueBytes else {
                throw Self.invalid(
                    "The header `\(parameter.argument)` must not hold line breaks or other control characters, nor more than \(self.limits.maxHeaderValueBytes) bytes."
                )
            }
            request.headers.append((name, text.trimmed))
        }
        // Some APIs refuse requests that do not say who asks.
        if !request.headers.contains(where: { $0.name == "user-agent" }) { request.headers.append((name: "user-agent", value: "Roost")) }
    }

    private func addCookies(
        _ arguments: JSONObject, _ credentials: [(name: String, value: Secret)], to request: inout UpstreamRequest
    ) throws(ToolError) {
        var cookies: [String] = []
        for parameter in self.binding.parameters where parameter.location == .cookie {
            guard !credentials.contains(where: { $0.name == parameter.name }), let value = arguments[parameter.argument] else { continue }
            let text = parameter.isJSON ? value.text() : ParameterWriter.headerText(value, explode: false)
            cookies.append("\(parameter.name)=\(PercentEncoding.encode(text))")
        }
        if credentials.isEmpty {
            if !cookies.isEmpty { request.headers.append((name: "cookie", value: cookies.joined(separator: "; "))) }
        } else {
            cookies += credentials.map { "\($0.name)=\($0.value.reveal())" }
            request.secretHeaders.append((name: "cookie", value: Secret(cookies.joined(separator: "; "))))
        }
    }

    private func addBody(_ value: JSONValue?, to request: inout UpstreamRequest) throws(ToolError) {
        guard let body = self.binding.body, let value else { return }
        let bytes: [UInt8]
        switch body.kind {
        case .json: bytes = value.bytes()
        case .form:
            guard let members = value.object else { throw Self.invalid("`body` must be an object: it is sent as a form.") }
            bytes = FormBody(encodings: body.encodings).bytes(members)
        case .unsupported: throw self.unsupportedBody(body)
        }
        guard bytes.count <= self.limits.maxBodyBytes else {
            throw Self.invalid("`body` is larger than \(self.limits.maxBodyBytes) bytes (roost.egress.max_request_bytes).")
        }
        request.headers.append(
            (name: "content-type", value: RequestFields.isValue(body.contentType) ? body.contentType : "application/json"))
        request.body = bytes
    }

    // MARK: Faults

    private func checkRequired(_ arguments: JSONObject) throws(ToolError) {
        for parameter in self.binding.parameters where parameter.isRequired && arguments[parameter.argument] == nil {
            throw Self.missing(parameter.argument, in: parameter.location)
        }
        guard let body = self.binding.body, body.isRequired, arguments["body"] == nil else { return }
        if body.kind == .unsupported { throw self.unsupportedBody(body) }
        throw Self.invalid("The required argument `body` is missing.")
    }

    private func unsupportedBody(_ body: BodyBinding) -> ToolError {
        ToolError(
            code: "unsupported_body",
            message:
                "\(self.binding.key) takes a \(body.contentType.printable(100)) body, which Roost cannot write yet. JSON and form bodies can be sent.",
            retryable: false)
    }

    private static func missing(_ name: String, in location: ParameterBinding.Location) -> ToolError {
        self.invalid("The required \(location.rawValue) parameter `\(name.printable(100))` is missing.")
    }

    private static func invalid(_ message: String) -> ToolError {
        ToolError(code: "invalid_tool_arguments", message: message, retryable: false)
    }
}
