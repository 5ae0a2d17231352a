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
        case .open: return MCPAnswer.event(await self.lostAnswer(to: request, of: found, in: session))
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
