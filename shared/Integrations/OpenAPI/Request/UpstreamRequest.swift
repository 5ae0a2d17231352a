package import Egress
package import Model

/// A request to an API, complete but for where in the network it goes.
package struct UpstreamRequest: Sendable {
    /// In upper case.
    package var method: String
    /// Scheme and authority, `https://api.example.com`.
    package var origin: String
    /// Path and query, percent-encoded, beginning with a slash.
    package var target: String
    /// Lower-case names.
    package var headers: [(name: String, value: String)]
    package var secretHeaders: [(name: String, value: Secret)]
    package var secretQuery: [(name: String, value: Secret)]
    package var body: [UInt8]?

    /// The request to the URL it was made for. The client bounds time and answer.
    package func egressRequest() -> EgressRequest {
        EgressRequest(
            method: self.method, url: self.origin + self.target, headers: self.headers, secretHeaders: self.secretHeaders,
            secretQuery: self.secretQuery, body: self.body)
    }

    /// The request to Roost's own API over the gateway's internal address, with the execution's token; ``origin`` does not count.
    package func egressRequest(to target: InternalTarget, token: Secret) -> EgressRequest {
        EgressRequest(
            method: self.method, internal: target, path: self.target, headers: self.headers,
            secretHeaders: [(name: "authorization", value: Secret("Bearer " + token.reveal()))], body: self.body)
    }
}
