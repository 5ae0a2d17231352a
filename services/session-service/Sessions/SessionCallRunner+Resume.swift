import Channel
import MCP
import Model
import Replicas
import SessionAPI
import Store

/// The rest of a stream for a client that lost it.
extension SessionCallRunner {
    /// The stream that answers a call, after one of its events: live while the call runs here, otherwise from the database.
    ///
    /// - Throws: `unknownEvent` when the session has no such stream, or not any more.
    func resume(_ stream: SessionStreamID, after number: Int64, of session: Session) async throws -> ChannelResponse {
        if let call = await session.call(of: stream) {
            return self.streaming { writer in
                if let reader = call.attach() {
                    try await self.passOn(nil, call, to: reader, of: session, on: writer)
                } else if let rest = try await self.time.within(
                    self.limits.restoreTimeout, { try await self.rest(of: stream, after: number, in: session) })
                {
                    // It ended a moment ago.
                    try await self.deliver(rest, to: writer)
                }
            }
        }
        let rest = try await self.rest(of: stream, after: number, in: session)
        return self.streaming { writer in
            if let rest { try await self.deliver(rest, to: writer) }
        }
    }

    /// What is left of a stream whose call does not run here; nil when the client has all of it.
    private func rest(of stream: SessionStreamID, after number: Int64, in session: Session) async throws -> [UInt8]? {
        let found = try await self.keeper.store.sessionStreams.find(stream, of: session.record, in: session.owner.organization)
        guard let found else { throw MCPError.unknownEvent() }
        let request = JSONRPCID(json: found.request)
        switch found.state {
        case .silent: return nil
        case .answered:
            guard number < found.sequence, let answer = found.answer else { return nil }
            return MCPAnswer.event(answer, id: StreamEventID.answer(stream, found.sequence).description)
        case .dropped:
            guard number < found.sequence else { return nil }
            return MCPAnswer.event(MCPAnswer.error(.answerDropped(request)))
        case .open where found.owner == session.lease:
            // Its call is over, but the answer could not be written.
            return MCPAnswer.event(MCPAnswer.error(.answerDropped(request)))
        case .open:
            return MCPAnswer.event(MCPAnswer.error(.executionInterrupted(request)))
        }
    }
}
