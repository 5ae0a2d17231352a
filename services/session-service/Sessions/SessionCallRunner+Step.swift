import Channel
import JSON
import MCP
import Model
import SessionAPI

extension SessionCallRunner {
    /// What one of those who may end a call comes to.
    enum Step: Sendable {
        case ended(SessionCall.Ending)
        /// The tool's work was stopped; with what is told of it.
        case stopped(JSONObject)
        case nothing

        init(_ ending: SessionCall.Ending?) { self = ending.map(Self.ended) ?? .nothing }
    }
}

extension SessionCall.Ending {
    /// The same ending; a refusal carries what is told of the call that it ended.
    func telling(_ data: JSONObject) -> SessionCall.Ending {
        guard case .refusal(var error) = self, !data.isEmpty else { return self }
        for (key, value) in data { error.data[key] = value }
        return .refusal(error)
    }
}

extension SessionHandler {
    /// What the gateway calls the execution of a call; nil where it says nothing, as for every message that is none.
    static func execution(of request: ChannelRequest) -> ExecutionID? {
        request.headers[SessionHeaders.execution].flatMap(ExecutionID.init(_:))
    }
}
