import Channel
import MCP
import Model
import SSE
import SessionAPI

/// The answers to tool calls: JSON when one comes at once, otherwise a stream that says from time to time that it is still there.
extension SessionCallRunner {
    /// Begins a call and returns its answer as soon as it is clear which form it has.
    func answer(_ call: SessionCall, of session: Session, for principal: Principal, within time: CallTime) async -> ChannelResponse {
        guard self.begin(call, of: session, for: principal, within: time) else {
            await session.finish(call, .nothing)
            let refused = RefusedRequest(refusal: .overloaded, message: "The session service runs as many calls as it can; try again.")
            return refused.response(to: call.id)
        }
        await self.wait(for: call, atMost: self.limits.eventDelay)
        guard !Task.isCancelled else {
            call.abandon()
            return self.stream(nil, call, session.revision)
        }
        switch call.take() {
        case .ended(.result(let result, _)) where result.byteCount <= self.limits.maxWholeAnswerBytes:
            return ChannelResponse(json: MCPAnswer.toolResult(call.id, result, revision: session.revision))
        case .ended(.refusal(let error)): return ChannelResponse(error.answering(call.id))
        case let event: return self.stream(event, call, session.revision)
        }
    }

    /// Waits until there is something to pass on, or the time is up.
    private func wait(for call: SessionCall, atMost duration: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await call.ready() }
            group.addTask { try? await self.time.sleep(duration) }
            await group.next()
            group.cancelAll()
        }
    }

    /// The answer as events, beginning with `first`. However it ends, nobody waits for the call afterwards.
    private func stream(_ first: SessionCall.Event?, _ call: SessionCall, _ revision: MCPRevision) -> ChannelResponse {
        let headers: ChannelHeaders = [
            "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no",
        ]
        return ChannelResponse(
            status: 200, headers: headers,
            body: .stream { writer in
                // Encoding a large result would hold up the event loop.
                try await withTaskExecutorPreference(globalConcurrentExecutor) {
                    try await self.passOn(first, call, revision, to: writer)
                }
            })
    }

    private func passOn(
        _ first: SessionCall.Event?, _ call: SessionCall, _ revision: MCPRevision, to writer: ChannelBodyWriter
    ) async throws {
        defer { call.abandon() }
        var event = first
        while true {
            if let current = event {
                let last = try await self.deliver(current, of: call, revision, to: writer)
                if last { return }
            }
            await self.wait(for: call, atMost: self.limits.keepAliveInterval)
            try Task.checkCancellation()
            event = call.take()
            if event == nil { try await self.deliver(ServerSentEvent.keepAlive, to: writer) }
        }
    }

    /// Delivers what happened to a call; true when nothing follows.
    private func deliver(
        _ event: SessionCall.Event, of call: SessionCall, _ revision: MCPRevision, to writer: ChannelBodyWriter
    ) async throws -> Bool {
        switch event {
        case .progress(let value, let message):
            guard let token = call.request.progressToken else { return false }
            try await self.deliver(
                MCPAnswer.event(MCPAnswer.progress(token, value: value, message: message, revision: revision)), to: writer)
            return false
        case .ended(.result(let result, let room)):
            let bytes = MCPAnswer.event(MCPAnswer.toolResult(call.id, result, revision: revision))
            defer { withExtendedLifetime(room) {} }
            try await self.deliver(bytes, to: writer)
        case .ended(.refusal(let error)):
            try await self.deliver(MCPAnswer.event(MCPAnswer.error(error.answering(call.id))), to: writer)
        case .ended(.nothing): break
        }
        return true
    }

    private static let maxPieceBytes = 64 << 10

    /// Writes one event, piece by piece, because a writer waits only between pieces; a client that has not read it in time loses its
    /// stream and nothing else.
    private func deliver(_ event: [UInt8], to writer: ChannelBodyWriter) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for start in stride(from: 0, to: event.count, by: Self.maxPieceBytes) {
                    try await writer.write(Array(event[start..<min(start + Self.maxPieceBytes, event.count)]))
                }
            }
            group.addTask {
                try await self.time.sleep(self.limits.deliveryTimeout)
                throw ChannelError(.cancelled, "The client did not read its answer within \(self.limits.deliveryTimeout).")
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}
