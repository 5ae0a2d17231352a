/// Bounds on one request; each is a configuration key `roost.openapi.…`.
package struct RequestLimits: Sendable, Hashable {
    /// The longest URL. Key `max_url_bytes`.
    package var maxURLBytes = 16_384
    /// The largest body. Key `max_body_bytes`.
    package var maxBodyBytes = 16 << 20
    /// The longest value of a header parameter. Key `max_header_value_bytes`.
    package var maxHeaderValueBytes = 8_192

    /// The defaults.
    package init() {}
}
