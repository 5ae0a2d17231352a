internal import AsyncHTTPClient
internal import Model
internal import NIOCore
internal import NIOHTTP1

/// One request of a chain of redirects: where it goes and what goes along.
struct Hop: Sendable {
    let url: EgressURL
    let method: String
    /// Whether it was addressed by an ``InternalTarget``; never true after a redirect.
    let isInternal: Bool
    private let headers: [(name: String, value: String)]
    private let secretHeaders: [(name: String, value: Secret)]
    private let secretQuery: [(name: String, value: Secret)]
    private let body: [UInt8]?

    /// The request as its sender wrote it.
    init(first request: EgressRequest, limits: EgressLimits) throws(EgressError) {
        switch request.destination {
        case .url(let text):
            self.url = try EgressURL(parsing: text, maxBytes: limits.maxURLBytes)
            self.isInternal = false
        case .internal(let target, let path):
            self.url = try target.url(path: path)
            self.isInternal = true
        }
        self.method = request.method
        self.headers = request.headers
        self.secretHeaders = request.secretHeaders
        self.secretQuery = request.secretQuery
        self.body = request.body
    }

    private init(
        url: EgressURL, method: String, headers: [(name: String, value: String)], secretHeaders: [(name: String, value: Secret)],
        body: [UInt8]?
    ) {
        self.url = url
        self.method = method
        self.isInternal = false
        self.headers = headers
        self.secretHeaders = secretHeaders
        self.secretQuery = []
        self.body = body
    }

    /// Whether the method is safe (RFC 9110, section 9.2.1), so that sending it twice changes nothing.
    var isSafe: Bool { ["GET", "HEAD", "OPTIONS", "TRACE"].contains(self.method) }

    /// The next hop after a redirect.
    ///
    /// 303 turns every method but HEAD into GET, 301 and 302 turn POST into GET, 307 and 308 change nothing (RFC 9110, sections 15.4.2 to
    /// 15.4.9). A body that is dropped takes the fields that describe it along. Credentials stay with the origin.
    func following(_ location: String, status: Int, limits: EgressLimits) throws(EgressError) -> Hop {
        let next = try self.url.resolving(location, maxBytes: limits.maxURLBytes)
        let becomesGet = (status == 303 && self.method != "HEAD") || ((status == 301 || status == 302) && self.method == "POST")
        var headers = self.headers
        if becomesGet { headers.removeAll { EgressHeaders.describesBody($0.name) } }
        let staysAtHome = next.hasSameOrigin(as: self.url)
        if !staysAtHome { headers.removeAll { !EgressHeaders.survivesOriginChange($0.name) } }
        return Hop(
            url: next, method: becomesGet ? "GET" : self.method, headers: headers, secretHeaders: staysAtHome ? self.secretHeaders : [],
            body: becomesGet ? nil : self.body)
    }

    /// The request as the HTTP client takes it. This is the place where secrets become bytes.
    func wireRequest() throws -> HTTPClient.Request {
        var fields = HTTPHeaders()
        // A credential replaces what a document or an argument put in its place.
        let replaced = Set(self.secretHeaders.map { $0.name.lowercased() })
        for (name, value) in self.headers where !replaced.contains(name.lowercased()) { fields.add(name: name, value: value) }
        for (name, value) in self.secretHeaders { fields.add(name: name, value: value.reveal()) }
        if !fields.contains(name: "user-agent") { fields.add(name: "user-agent", value: "roost") }
        if !fields.contains(name: "accept") { fields.add(name: "accept", value: "*/*") }
        // Content codings are not undone, so none is asked for: a small answer that inflates to gigabytes stays small.
        fields.add(name: "accept-encoding", value: "identity")
        return try HTTPClient.Request(
            url: self.url.text + self.renderedSecretQuery, method: HTTPMethod(rawValue: self.method), headers: fields,
            body: self.body.map { .bytes($0) })
    }

    private var renderedSecretQuery: String {
        guard !self.secretQuery.isEmpty else { return "" }
        let pairs = self.secretQuery.map { "\(Self.percentEncode($0.name))=\(Self.percentEncode($0.value.reveal()))" }
        return (self.url.target.contains("?") ? "&" : "?") + pairs.joined(separator: "&")
    }

    private static func percentEncode(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if byte.isUnreserved { bytes.append(byte) } else { bytes.appendPercentEncoded(byte) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Exchange.Answer {
    /// The statuses that redirect by themselves; 300, 304 and 305 do not.
    static let redirectStatuses: Set<Int> = [301, 302, 303, 307, 308]

    /// Where the answer redirects to, if it does.
    var redirect: String? {
        Self.redirectStatuses.contains(self.status) ? self.header("location") : nil
    }
}
