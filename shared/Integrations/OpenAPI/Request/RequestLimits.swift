import Egress

/// Bounds on one request. They agree with those of the guarded client, so that what it would refuse is refused before anybody is asked to
/// approve the call.
package struct RequestLimits: Sendable, Hashable {
    /// The longest URL.
    package var maxURLBytes = EgressLimits().maxURLBytes
    /// The largest body. Key `roost.egress.max_request_bytes`.
    package var maxBodyBytes = EgressLimits().maxRequestBytes
    /// The longest value of a header parameter.
    package var maxHeaderValueBytes = 8_192

    /// The defaults.
    package init() {}
}
