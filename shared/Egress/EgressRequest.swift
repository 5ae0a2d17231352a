package import Model

/// One HTTP request to the outside.
package struct EgressRequest: Sendable {
    enum Destination: Sendable {
        case url(String)
        case `internal`(InternalTarget, path: String)
    }

    /// The method in upper case.
    package var method: String
    let destination: Destination
    /// Header fields that are no secret. Those that govern the connection or the framing are refused: see ``EgressHeaders``.
    package var headers: [(name: String, value: String)]
    /// Header fields that carry credentials. They replace fields of the same name among ``headers``, are never logged and do not follow a
    /// redirect to another origin.
    package var secretHeaders: [(name: String, value: Secret)]
    /// Query parameters that carry credentials, appended to the URL and kept out of every error and of ``EgressResponse/url``.
    package var secretQuery: [(name: String, value: Secret)]
    /// The body; nil sends none.
    package var body: [UInt8]?
    /// From resolution to the last byte, redirects included; nil for ``EgressLimits/maxTime``, which also caps it.
    package var timeout: Duration?
    /// The largest body to take; nil for ``EgressLimits/maxResponseBytes``, which also caps it.
    package var maxResponseBytes: Int?
    /// Whether redirects are followed. When not, the 3xx answer is returned.
    package var followsRedirects: Bool

    /// A request to a URL, which is checked.
    package init(
        method: String = "GET", url: String, headers: [(name: String, value: String)] = [],
        secretHeaders: [(name: String, value: Secret)] = [],
        secretQuery: [(name: String, value: Secret)] = [], body: [UInt8]? = nil, timeout: Duration? = nil,
        maxResponseBytes: Int? = nil,
        followsRedirects: Bool = true
    ) {
        self.method = method
        self.destination = .url(url)
        self.headers = headers
        self.secretHeaders = secretHeaders
        self.secretQuery = secretQuery
        self.body = body
        self.timeout = timeout
        self.maxResponseBytes = maxResponseBytes
        self.followsRedirects = followsRedirects
    }

    /// A request to Roost's own API over the gateway's internal address. Its redirects are never followed.
    package init(
        method: String = "GET", internal target: InternalTarget, path: String, headers: [(name: String, value: String)] = [],
        secretHeaders: [(name: String, value: Secret)] = [], body: [UInt8]? = nil, timeout: Duration? = nil,
        maxResponseBytes: Int? = nil
    ) {
        self.method = method
        self.destination = .internal(target, path: path)
        self.headers = headers
        self.secretHeaders = secretHeaders
        self.secretQuery = []
        self.body = body
        self.timeout = timeout
        self.maxResponseBytes = maxResponseBytes
        self.followsRedirects = false
    }
}

/// The answer to an ``EgressRequest``, whole.
package struct EgressResponse: Sendable {
    package let status: Int
    /// Header fields in lower case, in the order received.
    package let headers: [(name: String, value: String)]
    /// As it was sent: content codings are not undone, and the request asked for none.
    package let body: [UInt8]
    /// The URL that answered, after redirects, without the request's secret query.
    package let url: String

    package init(status: Int, headers: [(name: String, value: String)], body: [UInt8], url: String) {
        self.status = status
        self.headers = headers
        self.body = body
        self.url = url
    }

    /// The first value of a header field; `name` in lower case.
    package func header(_ name: String) -> String? {
        self.headers.first { $0.name == name }?.value
    }
}
