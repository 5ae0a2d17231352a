package import JSON
package import Model

/// Everything that is needed to call one operation, without its document.
package struct OperationBinding: Sendable, Hashable {
    /// In upper case.
    package var method: String
    /// The path template, `/pets/{petId}`; a part in braces names a path parameter. Some documents tell operations on one path apart by a
    /// fragment (`/oauth2/token#refresh`), which is kept here and never sent.
    package var path: String
    package var parameters: [ParameterBinding]
    package var body: BodyBinding?
    /// Where calls go, where the operation or its path differ from the document in that; otherwise nil.
    package var server: String?
    /// Whether the connection's credentials are sent. The document may say that an operation is public.
    package var sendsCredentials: Bool
    /// The value of the `Accept` field.
    package var accept: String
    /// Why the operation cannot be called although it is listed; nil for all others.
    package var fault: String?

    package init(
        method: String, path: String, parameters: [ParameterBinding] = [], body: BodyBinding? = nil, server: String? = nil,
        sendsCredentials: Bool = true, accept: String = OperationBinding.defaultAccept, fault: String? = nil
    ) {
        self.method = method
        self.path = path
        self.parameters = parameters
        self.body = body
        self.server = server
        self.sendsCredentials = sendsCredentials
        self.accept = accept
        self.fault = fault
    }

    /// What is asked for where the document does not say what comes.
    package static let defaultAccept = "application/json, */*;q=0.5"

    /// Whether a call may change something: the safe methods of RFC 9110, section 9.2.1, do not.
    package var effect: ToolEffect {
        ["GET", "HEAD", "OPTIONS", "TRACE"].contains(self.method) ? .read : .write
    }

    /// What identifies the operation from one version of its document to the next.
    package var key: String { "\(self.method) \(self.path)" }
}

extension OperationBinding {
    /// The stored form, compact.
    package var json: JSONValue {
        var object: JSONObject = ["method": .string(self.method), "path": .string(self.path)]
        if !self.parameters.isEmpty { object["parameters"] = .array(self.parameters.map(\.json)) }
        if let body = self.body { object["body"] = body.json }
        if let server = self.server { object["server"] = .string(server) }
        if !self.sendsCredentials { object["public"] = true }
        if self.accept != Self.defaultAccept { object["accept"] = .string(self.accept) }
        if let fault = self.fault { object["fault"] = .string(fault) }
        return .object(object)
    }

    /// Reads the stored form; nil where it is not one.
    package init?(json: JSONValue) {
        guard let method = json["method"]?.string, let path = json["path"]?.string else { return nil }
        let parameters = json["parameters"]?.array ?? []
        self.init(
            method: method, path: path, parameters: parameters.compactMap(ParameterBinding.init(json:)),
            body: json["body"].flatMap(BodyBinding.init(json:)), server: json["server"]?.string,
            sendsCredentials: !(json["public"]?.bool ?? false), accept: json["accept"]?.string ?? Self.defaultAccept,
            fault: json["fault"]?.string)
        guard self.parameters.count == parameters.count, (json["body"] == nil) == (self.body == nil) else { return nil }
    }
}
