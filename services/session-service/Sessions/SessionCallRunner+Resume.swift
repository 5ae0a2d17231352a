import Channel
import JSON
import Logging
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

    /// What is kept of a stream that has ended, of a session that need not be this process's; nil while it has not, or when there is none.
    func kept(
        _ stream: SessionStreamID, after number: Int64, of session: SessionRecord, in organization: OrganizationID
    ) async throws -> ChannelResponse? {
        let found = try await self.keeper.store.sessionStreams.find(stream, of: session.id, in: organization)
        guard let found, found.state != .open else { return nil }
        let rest = Self.kept(found, after: number)
        return self.streaming { writer in
            if let rest { try await self.deliver(rest, to: writer) }
        }
    }

    /// What is left of a stream whose call does not run here; nil when the client has all of it.
    private func rest(of stream: SessionStreamID, after number: Int64, in session: Session) async throws -> [UInt8]? {
        let found = try await self.keeper.store.sessionStreams.find(stream, of: session.record, in: session.owner.organization)
        guard let found else { throw MCPError.unknownEvent() }
        guard found.state == .open else { return Self.kept(found, after: number) }
        return MCPAnswer.event(await self.lostAnswer(to: JSONRPCID(json: found.request), of: found, in: session))
    }

    /// What a client lacks of a stream that has ended; nil when it has all of it.
    private static func kept(_ found: SessionStreamRecord, after number: Int64) -> [UInt8]? {
        guard number < found.sequence else { return nil }
        switch found.state {
        case .answered: return found.answer.map { MCPAnswer.event($0, id: StreamEventID.answer(found.id, found.sequence).description) }
        case .dropped: return MCPAnswer.event(MCPAnswer.error(.answerDropped(JSONRPCID(json: found.request))))
        case .silent, .open: return nil
        }
    }

    /// The answer to a call that is over, or whose process is gone, so that nobody will write one any more: its execution's, or what is
    /// known of that. Found within the time that a client waits for anything to be written.
    private func lostAnswer(to request: JSONRPCID?, of stream: SessionStreamRecord, in session: Session) async -> [UInt8] {
        // In this process the call is over, and its answer could not be written; in another one it broke off.
        let bare = stream.owner == session.lease ? MCPError.answerDropped(request) : .executionInterrupted(request)
        return await withTaskGroup(of: [UInt8].self) { group in
            group.addTask(executorPreference: globalConcurrentExecutor) {
                do {
                    let result = try await self.keeper.stacks.lostResult(of: stream.execution, in: session.owner.organization)
                    return request.map { MCPAnswer.toolResult($0, result, revision: session.revision) } ?? MCPAnswer.error(bare)
                } catch let error as MCPError {
                    guard bare.code == error.code else { return MCPAnswer.error(bare.telling(error.data)) }
                    return MCPAnswer.error(error.answering(request))
                } catch {
                    if !Task.isCancelled {
                        self.logger.warning(
                            "what became of a call could not be found out", metadata: ["session": "\(session.record)", "cause": "\(error)"])
                    }
                    return MCPAnswer.error(bare)
                }
            }
            group.addTask {
                try? await self.time.sleep(self.limits.replayWriteTimeout)
                return MCPAnswer.error(bare)
            }
            defer { group.cancelAll() }
            return await group.next() ?? MCPAnswer.error(bare)
        }
    }
}

extension MCPError {
    /// The same refusal with more in its data.
    fileprivate func telling(_ data: JSONObject) -> MCPError {
        var error = self
        for (key, value) in data where key != "code" { error.data[key] = value }
        return error
    }
}
