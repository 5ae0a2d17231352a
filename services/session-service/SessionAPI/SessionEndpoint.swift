package import Model

/// The routes of the session-service on the internal channel.
///
/// No session id is ever in a path, because paths end up in logs and spans and a session id is a secret; it travels in
/// ``SessionHeaders/session``.
package enum SessionEndpoint: Sendable, Hashable {
    /// `POST /sessions`: the body is an `initialize` request; the answer carries the new session's id.
    case open
    /// `POST /messages`: the body is any other message of a session.
    case message
    /// `GET /streams`: what is sent on no request's behalf, or the rest of a stream after ``SessionHeaders/lastEvent``.
    case listen
    /// `DELETE /sessions`: the client ends its session.
    case close
    /// `DELETE /sessions/{ses_…}`: somebody with the right to do so ends a session by its public name.
    case closeRecord(SessionRecordID)
    /// `GET /status`: whether the replica serves, and under which lease. Nobody acts; nothing but its memory is looked at.
    case status

    /// The method to use.
    package var method: String {
        switch self {
        case .open, .message: "POST"
        case .listen: "GET"
        case .close, .closeRecord: "DELETE"
        case .status: "GET"
        }
    }

    /// The path to use.
    package var path: String {
        switch self {
        case .open, .close: "/sessions"
        case .message: "/messages"
        case .listen: "/streams"
        case .closeRecord(let record): "/sessions/\(record)"
        case .status: "/status"
        }
    }

    /// Reads a request's method and path; nil when there is no such route.
    package init?(method: String, path: String) {
        switch (method, path) {
        case ("POST", "/sessions"): self = .open
        case ("POST", "/messages"): self = .message
        case ("GET", "/streams"): self = .listen
        case ("DELETE", "/sessions"): self = .close
        case ("GET", "/status"): self = .status
        case ("DELETE", let path) where path.hasPrefix("/sessions/"):
            guard let record = SessionRecordID(String(path.dropFirst("/sessions/".count))) else { return nil }
            self = .closeRecord(record)
        default: return nil
        }
    }
}
