package import Model

/// Who sent a request, once that is known.
package enum Caller: Sendable, Hashable {
    /// Someone who acts within an organization.
    case principal(Principal)
    /// The holder of an installation key, who stands above organizations and acts in none.
    case installation(APIKeyID)
}
