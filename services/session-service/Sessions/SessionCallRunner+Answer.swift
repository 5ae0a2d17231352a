import Channel
import MCP
import Model
import Replicas
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
        await self.wait(for: call, .first, atMost: self.limits.eventDelay)
        guard !Task.isCancelled else {
            call.detach(.first)
            return self.stream(nil, call, of: session)
        }
        switch call.takeEnding(.first) {
        case .result(let result, _) where result.byteCount <= self.limits.maxWholeAnswerBytes:
            return ChannelResponse(json: MCPAnswer.toolResult(call.id, result, revision: session.revision))
        case .refusal(let error): return ChannelResponse(error.answering(call.id))
        // What says everything at once has nothing to come back for, and gets no id.
        case let ending?: return self.stream(.ended(ending, id: nil), call, of: session)
        case nil: return self.stream(nil, call, of: session)
        }
    }

    /// Waits until there is something to pass on, or the time is up.
    private func wait(for call: SessionCall, _ reader: SessionCall.Reader, atMost duration: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await call.ready(reader) }
            group.addTask { try? await self.time.sleep(duration) }
            await group.next()
            group.cancelAll()
        }
    }

    /// The answer as events, beginning with `first`. However it ends, this request waits for the call no more afterwards.
    private func stream(_ first: SessionCall.Event?, _ call: SessionCall, of session: Session) -> ChannelResponse {
        self.streaming { try await self.passOn(first, call, to: .first, of: session, on: $0) }
    }

    /// An answer of events.
    func streaming(_ write: @escaping @Sendable (ChannelBodyWriter) async throws -> Void) -> ChannelResponse {
        var response = ChannelResponse.events
        response.body = .stream { writer in
            // Encoding a large result would hold up the event loop.
            try await withTaskExecutorPreference(globalConcurrentExecutor) { try await write(writer) }
        }
        return response
    }

    /// Passes a call's events on, to the request that began it or to one that came back for the rest.
    func passOn(
        _ first: SessionCall.Event?, _ call: SessionCall, to reader: SessionCall.Reader, of session: Session, on writer: ChannelBodyWriter
    ) async throws {
        defer { call.detach(reader) }
        var event = first
        if event == nil, reader == .first, session.revision.hasPollingStreams {
            await self.openLog(call, of: session)
            if let id = call.primingID() { try await self.deliver(MCPAnswer.priming(id: id.description), to: writer) }
        }
        while true {
            if let current = event {
                let last = try await self.deliver(current, of: call, session.revision, to: writer)
                if last { return }
            }
            await self.wait(for: call, reader, atMost: self.limits.keepAliveInterval)
            try Task.checkCancellation()
            // Earlier revisions have no event that only gives an id: theirs comes with the first that says something.
            if session.revision.hasEventIDs, call.hasProgress { await self.openLog(call, of: session) }
            event = call.take(reader)
            if event == nil { try await self.deliver(ServerSentEvent.keepAlive, to: writer) }
        }
    }

    /// Delivers what happened to a call; true when nothing follows.
    private func deliver(
        _ event: SessionCall.Event, of call: SessionCall, _ revision: MCPRevision, to writer: ChannelBodyWriter
    ) async throws -> Bool {
        switch event {
        case .progress(let value, let message, let id):
            guard let token = call.request.progressToken else { return false }
            let progress = MCPAnswer.progress(token, value: value, message: message, revision: revision)
            try await self.deliver(MCPAnswer.event(progress, id: id?.description), to: writer)
            return false
        case .ended(.result(let result, let room), let id):
            let bytes = MCPAnswer.event(MCPAnswer.toolResult(call.id, result, revision: revision), id: id?.description)
            defer { withExtendedLifetime(room) {} }
            try await self.deliver(bytes, to: writer)
        case .ended(.message(let message, let room), let id):
            defer { withExtendedLifetime(room) {} }
            try await self.deliver(MCPAnswer.event(message, id: id?.description), to: writer)
        case .ended(.refusal(let error), let id):
            try await self.deliver(MCPAnswer.event(MCPAnswer.error(error.answering(call.id)), id: id?.description), to: writer)
        case .ended(.nothing, _), .replaced: break
        }
        return true
    }

    private static let maxPieceBytes = 64 << 10

    /// Writes one event, piece by piece, because a writer waits only between pieces; a client that has not read it in time loses its
    /// stream and nothing else.
    func deliver(_ event: [UInt8], to writer: ChannelBodyWriter) async throws {
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

extension ChannelResponse {
    /// The head of an answer of events.
    static let events = ChannelResponse(
        status: 200, headers: ["content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no"], body: .empty)
}
