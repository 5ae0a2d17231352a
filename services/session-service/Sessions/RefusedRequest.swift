import Channel
import Database
import MCP
import SessionAPI

/// A request that was not looked at, because this replica cannot take it now; another one, or the same one later, may.
struct RefusedRequest: Error {
    let refusal: SessionRefusal
    /// What the client is told, which no gateway may hide behind a retry for ever.
    let message: String
    var retryAfter: Duration = .seconds(1)
    /// Who keeps the session, as far as is known.
    var owner: SessionOwner?

    /// The process is about to stop; another one takes the session as soon as it is given back.
    static let draining = RefusedRequest(
        refusal: .draining, message: "The session service is about to stop; try again.", retryAfter: .seconds(2))

    /// The same as an answer.
    func response(to id: JSONRPCID?) -> ChannelResponse {
        let error = MCPError(.unavailable, self.message, id: id, retryAfter: self.retryAfter)
        var response = ChannelResponse(error)
        response.headers[SessionHeaders.refusal] = self.refusal.rawValue
        response.headers[SessionHeaders.owner] = self.owner?.description
        return response
    }
}

extension RefusedRequest {
    /// What the database could not do now; nil where the fault is not the database's.
    init?(_ error: DatabaseError) {
        guard let (detail, seconds) = error.unavailability else { return nil }
        self.init(refusal: .unavailable, message: detail, retryAfter: .seconds(seconds))
    }
}

extension ChannelResponse {
    /// An error as JSON, under its own status.
    init(_ error: MCPError) {
        let answer = error.answer
        self.init(status: answer.status, body: .bytes(answer.bytes))
        for (name, value) in answer.headers { self.headers[name] = value }
    }

    /// A whole JSON answer.
    init(status: Int = 200, json: [UInt8]) {
        self.init(status: status, headers: ["content-type": "application/json"], body: .bytes(json))
    }
}
