import Egress
import JSON
import Model
import Testing

@testable import OpenAPI

@Suite("Reading an answer")
struct ResponseTests {
    private static func result(
        _ status: Int = 200, _ body: String, type: String? = "application/json", headers: [(name: String, value: String)] = [],
        effect: ToolEffect = .read,
        redactor: SecretRedactor? = nil
    ) -> ToolResult {
        Self.result(status, Array(body.utf8), type: type, headers: headers, effect: effect, redactor: redactor)
    }

    private static func result(
        _ status: Int = 200, _ body: [UInt8], type: String?, headers: [(name: String, value: String)] = [], effect: ToolEffect = .read,
        redactor: SecretRedactor? = nil
    ) -> ToolResult {
        let fields = (type.map { [(name: "Content-Type", value: $0)] } ?? []) + headers
        return ResponseMapper(effect: effect, redactor: redactor)
            .result(of: EgressResponse(status: status, headers: fields, body: body, url: "https://api.test/"))
    }

    private static func data(_ result: ToolResult) -> String? {
        if case .success(let data, _) = result { data.string } else { nil }
    }

    private static func error(_ result: ToolResult) -> ToolError? {
        if case .failure(let error) = result { error } else { nil }
    }

    @Test(
        "gives JSON as it came, text as a string, nothing as null",
        arguments: [
            ("application/json", #" {"b": 1.00, "a": 12345678901234567890} "#, #"{"b": 1.00, "a": 12345678901234567890}"#),
            ("application/vnd.x+json; charset=utf-8", "[1]", "[1]"),
            ("text/json", "true", "true"), ("application/json", "not json", #""not json""#), ("application/json", "<html>", #""<html>""#),
            ("application/json", "", "null"),
            ("text/plain", #"{"a": 1}"#, #""{\"a\": 1}""#), ("text/csv; charset=utf-8", "a,b\n1,2", #""a,b\n1,2""#),
            ("application/xml", "<a/>", #""<a/>""#), (nil, #"{"a":1}"#, #"{"a":1}"#),
            (nil, "plain", #""plain""#), ("application/json", "\u{FEFF}[1]", "[1]"), ("text/plain", "\u{FEFF}a", #""a""#),
            ("application/x-ndjson", "{}\n{}", #""{}\n{}""#),
        ] as [(String?, String, String)])
    func bodies(type: String?, body: String, expected: String) {
        #expect(Self.data(Self.result(200, body, type: type)) == expected)
    }

    @Test("gives nothing for 204, 205 and 304, whatever comes with them", arguments: [204, 205, 304])
    func noContent(status: Int) {
        #expect(Self.data(Self.result(status, "x", type: "text/plain")) == "null")
    }

    @Test("reads Latin-1 where it is declared, and replaces what is broken")
    func charsets() {
        #expect(Self.data(Self.result(200, [0xFC], type: "text/plain; charset=\"ISO-8859-1\"")) == "\"ü\"")
        #expect(Self.data(Self.result(200, [0x61, 0xFC], type: "text/plain")) == "\"a\u{FFFD}\"")
    }

    @Test("gives a file for everything else, with its real type and name")
    func files() throws {
        let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0xFF]
        let file = try #require(
            Self.data(
                Self.result(
                    200, png, type: "application/octet-stream", headers: [("Content-Disposition", #"attachment; filename="../etc/a.png""#)])
            ))
        let value = try JSONValue(parsing: file)
        #expect(
            value == [
                "_tag": "ToolFile", "name": "a.png", "mimeType": "image/png", "encoding": "base64", "data": "iVBORw0KGgoA/w==",
                "byteLength": 10,
            ])
        #expect(try JSONValue(parsing: Self.data(Self.result(200, [1, 0xFF], type: "video/mp4")) ?? "")["mimeType"] == "video/mp4")
        #expect(
            try JSONValue(parsing: Self.data(Self.result(200, Array("%PDF-1.7".utf8) + [0xFF], type: nil)) ?? "")["mimeType"]
                == "application/pdf")
    }

    @Test("keeps 10 MB of JSON at its own size")
    func large() throws {
        let body = Array(("[" + String(repeating: "\"0123456789abcdef\",", count: 550_000) + "0]").utf8)
        guard case .success(let data, _) = Self.result(200, body, type: "application/json") else {
            Issue.record("not a success")
            return
        }
        #expect(data.bytes == body)
    }

    @Test("hides cookies and credentials among the fields, and writes names small")
    func fields() throws {
        guard
            case .success(_, let http) = Self.result(
                200, "1", headers: [("Set-Cookie", "a=b"), ("Authorization", "x"), ("X-Rate", "5"), ("ETag", "\"e\"")])
        else {
            Issue.record("not a success")
            return
        }
        #expect(http?.status == 200)
        #expect(http?.headers.map(\.name) == ["content-type", "x-rate", "etag"])
    }

    @Test(
        "finds the sentence in an error's body",
        arguments: [
            (#"{"error": {"message": "bad key", "type": "x"}}"#, "bad key"), (#"{"message": "nope"}"#, "nope"),
            (#"{"errorMessage": "e"}"#, "e"), (#"{"errors": [{"detail": "d"}]}"#, "d"),
            (#"{"errors": [{"message": "m"}]}"#, "m"), (#"{"errors": [{"title": "t"}]}"#, "t"), (#"{"errors": ["plain"]}"#, "plain"),
            (#"{"type": "about:blank", "title": "T", "detail": "D"}"#, "D"),
            (#"{"title": "T"}"#, "T"), (#"{"description": "desc"}"#, "desc"),
            (#"{"error": "invalid_grant", "error_description": "expired"}"#, "expired"), (#"{"error": "flat"}"#, "flat"),
            (#""just text""#, "just text"), ("plain text", "plain text"), (#"{"code": 7}"#, #"{"code": 7}"#),
            (#"{"message": "  "}"#, #"{"message": "  "}"#),
        ])
    func messages(body: String, expected: String) {
        #expect(Self.error(Self.result(400, body))?.message == "The API answered HTTP 400: \(expected)")
    }

    @Test("keeps an error's whole body beside the sentence")
    func details() throws {
        let error = try #require(Self.error(Self.result(422, #"{"message": "m", "fields": ["a"]}"#)))
        #expect(error.code == "upstream_http_error")
        #expect(error.status == 422)
        #expect(error.details?.string == #"{"message": "m", "fields": ["a"]}"#)
        #expect(Self.error(Self.result(500, "<html><h1>Oops</h1></html>", type: "text/html"))?.message == "The API answered HTTP 500.")
        #expect(Self.error(Self.result(500, [0xFF, 0xFE], type: "application/octet-stream"))?.details == nil)
        #expect(Self.error(Self.result(500, ""))?.message == "The API answered HTTP 500.")
        #expect(Self.error(Self.result(400, #"{"message": "\#(String(repeating: "x", count: 5000))"}"#))?.message.count ?? 0 < 1_100)
    }

    @Test(
        "says when another try makes sense",
        arguments: [
            (400, ToolEffect.read, false), (401, .read, false), (403, .write, false), (404, .read, false), (408, .read, nil),
            (409, .write, false), (429, .read, true), (429, .write, true),
            (500, .read, nil), (502, .read, true), (502, .write, nil), (503, .read, true), (503, .write, nil), (504, .read, true),
            (504, .write, nil), (302, .read, false),
        ] as [(Int, ToolEffect, Bool?)])
    func retryable(status: Int, effect: ToolEffect, expected: Bool?) {
        #expect(Self.error(Self.result(status, "{}", effect: effect))?.retryable == expected)
    }

    @Test("calls refused credentials by their own code", arguments: [401, 403])
    func rejected(status: Int) {
        #expect(Self.error(Self.result(status, "{}"))?.code == "connection_rejected")
    }

    @Test(
        "passes on how long to wait",
        arguments: [
            ("120", nil, 120), ("0", nil, 0), ("999999999999999999999", nil, 86_400),
            ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:48:37 GMT", 60),
            ("Fri, 01 Mar 2024 00:00:00 GMT", "Thu, 29 Feb 2024 23:59:00 GMT", 60),
            ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 2004 08:48:37 GMT", 0), ("soon", nil, nil), ("-5", nil, nil),
            ("Sun, 06 Nov 1994 08:49:37 GMT", nil, nil), ("", nil, nil),
        ] as [(String, String?, Int?)])
    func retryAfter(text: String, date: String?, seconds: Int?) {
        #expect(RetryAfter.duration(text, date: date) == seconds.map { .seconds($0) })
    }

    @Test("takes out credentials that the API echoes")
    func redaction() throws {
        let method = AuthMethod(
            slug: "m", label: "",
            placements: [
                .init(carrier: .header, name: "authorization", form: .bearer, variables: ["token"]),
                .init(carrier: .query, name: "k", form: .plain, variables: ["key"]),
            ], variables: [.init(name: "token", label: ""), .init(name: "key", label: "")])
        let credentials = CredentialSet(method: method, values: ["token": Secret("s3cret-token-value"), "key": Secret("key with/special")])
        let request = try RequestBuilder(OperationBinding(method: "GET", path: "/x")).request(
            [:], server: "https://api.test", credentials: credentials)
        let redactor = SecretRedactor(request, credentials: credentials)
        let echoed =
            #"{"headers": {"authorization": "Bearer s3cret-token-value"}, "t": "s3cret-token-value", "url": "?k=key%20with%2Fspecial", "k": "key with/special"}"#
        #expect(
            Self.data(Self.result(200, echoed, redactor: redactor))
                == #"{"headers": {"authorization": "<secret>"}, "t": "<secret>", "url": "?k=<secret>", "k": "<secret>"}"#)
        let error = Self.error(
            Self.result(
                400, #"{"message": "bad token s3cret-token-value"}"#, headers: [("X-Echo", "s3cret-token-value")], redactor: redactor))
        #expect(error?.message == "The API answered HTTP 400: bad token <secret>")
        #expect(error?.details?.string.contains("s3cret") == false)
    }

    @Test("leaves short values alone, which occur by chance")
    func shortSecrets() throws {
        let method = AuthMethod(
            slug: "m", label: "", placements: [.init(carrier: .header, name: "x-key", form: .plain, variables: ["key"])],
            variables: [.init(name: "key", label: "")])
        let credentials = CredentialSet(method: method, values: ["key": Secret("name")])
        let request = try RequestBuilder(OperationBinding(method: "GET", path: "/x")).request(
            [:], server: "https://api.test", credentials: credentials)
        #expect(
            Self.data(Self.result(200, #"{"name": 1}"#, redactor: SecretRedactor(request, credentials: credentials))) == #"{"name": 1}"#)
    }

    @Test("maps requests without an answer, and promises another try only where nothing can have been done")
    func egressErrors() {
        let table: [(EgressError.Code, Bool, ToolEffect, String, Bool?)] = [
            (.addressRefused, false, .read, "address_refused", false), (.invalidURL, false, .read, "request_refused", false),
            (.connectFailed, false, .write, "upstream_unreachable", true),
            (.timeout, true, .read, "upstream_timeout", true), (.timeout, true, .write, "upstream_timeout", nil),
            (.tls, false, .read, "upstream_tls_failed", false),
            (.responseTooLarge, true, .read, "response_too_large", false),
            (.protocolViolation, true, .write, "upstream_protocol_error", nil), (.overloaded, false, .write, "overloaded", true),
            (.tooManyRedirects, true, .read, "upstream_redirects", false), (.cancelled, true, .write, "cancelled", nil),
            (.resolutionFailed, false, .read, "upstream_unreachable", true),
        ]
        for (code, sent, effect, expected, retryable) in table {
            let error = ToolError(EgressError(code, "m", mayHaveBeenSent: sent), effect: effect)
            #expect(error.code == expected)
            #expect(error.retryable == retryable, "\(expected)")
        }
    }
}
