package import JSON

/// What a program gets back from a tool call: `{ok: true, data, http?}` or `{ok: false, error}`.
///
/// Data stays the bytes that the upstream sent, checked but never turned into a tree, so that a large answer costs its own size.
package enum ToolResult: Sendable {
    /// What the upstream's HTTP answer said beside its body.
    package struct HTTPMetadata: Sendable, Hashable {
        package let status: Int
        /// Header fields in lower case, in the order received, without credentials and cookies.
        package let headers: [(name: String, value: String)]

        package init(status: Int, headers: [(name: String, value: String)]) {
            self.status = status
            self.headers = headers
        }

        package static func == (left: Self, right: Self) -> Bool {
            left.status == right.status && left.headers.elementsEqual(right.headers, by: ==)
        }

        package func hash(into hasher: inout Hasher) {
            hasher.combine(self.status)
            for (name, value) in self.headers {
                hasher.combine(name)
                hasher.combine(value)
            }
        }
    }

    case success(data: JSONText, http: HTTPMetadata?)
    case failure(ToolError)
}

/// Why a tool call did not succeed, as a program sees it. Never holds a secret or an internal cause.
package struct ToolError: Error, Sendable {
    /// A stable snake-case code: `tool_not_found`, `tool_blocked`, `approval_required`, `invalid_tool_arguments`, `upstream_http_error`, …
    package let code: String
    /// What happened and what to do about it.
    package let message: String
    /// The upstream's HTTP status, where there was one.
    package let status: Int?
    /// The upstream's error body or a list of faults, where there was one.
    package let details: JSONText?
    /// Whether the same call may succeed later without a change, and without doing anything twice; nil when that cannot be known.
    package let retryable: Bool?
    /// How long to wait before that, where the upstream said so.
    package let retryAfter: Duration?

    package init(
        code: String, message: String, status: Int? = nil, details: JSONText? = nil, retryable: Bool? = nil, retryAfter: Duration? = nil
    ) {
        self.code = code
        self.message = message
        self.status = status
        self.details = details
        self.retryable = retryable
        self.retryAfter = retryAfter
    }
}
