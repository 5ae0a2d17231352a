import Channel
import Logging
import MCP
import Model
import SSE
import SessionAPI
import Synchronization

/// Runs tool calls and answers the requests that wait for them: with JSON when the answer comes at once, otherwise with a stream that says
/// from time to time that it is still there.
struct SessionCallRunner: Sendable {
    let keeper: SessionKeeper
    let limits: SessionLimits
    let time: SessionTime
    let logger: Logger
    let running = RunningCalls()

    /// Begins a call, in a job of its own, and returns its answer as soon as it is clear which form it has.
    func answer(_ call: SessionCall, of session: Session, for principal: Principal) async -> ChannelResponse {
        self.keeper.directory.pinAgain(session)
        self.running.insert(call)
        let isStarted = self.keeper.work.start {
            await session.finish(call, await self.run(call, of: session, for: principal))
            self.running.remove(call)
            self.keeper.unpin(session)
        }
        guard isStarted else {
            await session.finish(call, .nothing)
            self.running.remove(call)
            self.keeper.unpin(session)
            let refused = RefusedRequest(refusal: .overloaded, message: "The session service runs as many calls as it can; try again.")
            return refused.response(to: call.id)
        }
        await self.wait(for: call, atMost: self.limits.eventDelay)
        guard !Task.isCancelled else {
            call.abandon()
            return self.stream(nil, call, session.revision)
        }
        switch call.take() {
        case .ended(.result(let result)): return ChannelResponse(json: MCPAnswer.toolResult(call.id, result, revision: session.revision))
        case .ended(.refusal(let error)): return ChannelResponse(error.answering(call.id))
        case let event: return self.stream(event, call, session.revision)
        }
    }

    // MARK: - The job

    private func run(_ call: SessionCall, of session: Session, for principal: Principal) async -> SessionCall.Ending {
        await withTaskGroup(of: SessionCall.Ending?.self) { group in
            group.addTask { await self.perform(call, of: session, for: principal) }
            group.addTask { await call.stopRequest().map(Self.ending(after:)) }
            group.addTask { (try? await self.time.sleep(self.limits.callTimeout)).map { Self.ending(after: .timedOut) } }
            // Whoever is first decides; the others are cancelled and waited for, the tool's own work too.
            var ending: SessionCall.Ending?
            while ending == nil, let next = await group.next() { ending = next }
            group.cancelAll()
            return ending ?? Self.ending(after: .draining)
        }
    }

    private func perform(_ call: SessionCall, of session: Session, for principal: Principal) async -> SessionCall.Ending? {
        do {
            let stack = try await session.stack(for: principal, from: self.keeper.stacks)
            let outcome = try await stack.call(call.request, progress: call)
            guard !Task.isCancelled else { return nil }
            switch outcome {
            case .result(let result): return .result(result)
            case .unknownTool:
                return .refusal(MCPError(.invalidParams, "There is no tool named \(call.request.name.prefix(64)).", id: call.id))
            case .invalidArguments(let message) where session.revision.reportsInvalidArgumentsAsResult:
                return .result(.failure(message))
            case .invalidArguments(let message):
                return .refusal(MCPError(.invalidParams, message, id: call.id))
            }
        } catch let error as MCPError {
            return .refusal(error.answering(call.id))
        } catch {
            guard !Task.isCancelled else { return nil }
            self.logger.error("a tool call failed", metadata: ["session": "\(session.record)", "cause": "\(error)"])
            return .refusal(MCPError(.internalError, "The call failed for a reason within Roost; see its log.", id: call.id))
        }
    }

    private static func ending(after reason: SessionCall.StopReason) -> SessionCall.Ending {
        switch reason {
        case .cancelled: .nothing
        case .sessionClosed:
            .refusal(MCPError(.executionInterrupted, "The session was closed while the call ran; it may or may not have had effects."))
        case .draining:
            .refusal(MCPError(.executionInterrupted, "The session service stopped while the call ran; it may or may not have had effects."))
        case .timedOut:
            .refusal(MCPError(.executionInterrupted, "The call took longer than any call may; it may or may not have had effects."))
        }
    }

    // MARK: - The answer

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
                defer { call.abandon() }
                var event = first
                while true {
                    if let current = event {
                        let (bytes, isLast) = Self.bytes(of: current, call, revision)
                        if !bytes.isEmpty { try await self.deliver(bytes, to: writer) }
                        if isLast { return }
                    }
                    await self.wait(for: call, atMost: self.limits.keepAliveInterval)
                    try Task.checkCancellation()
                    event = call.take()
                    if event == nil { try await self.deliver(ServerSentEvent.keepAlive, to: writer) }
                }
            })
    }

    private static func bytes(of event: SessionCall.Event, _ call: SessionCall, _ revision: MCPRevision) -> (bytes: [UInt8], isLast: Bool) {
        switch event {
        case .progress(let value, let message):
            guard let token = call.request.progressToken else { return ([], false) }
            return (MCPAnswer.event(MCPAnswer.progress(token, value: value, message: message, revision: revision)), false)
        case .ended(.result(let result)): return (MCPAnswer.event(MCPAnswer.toolResult(call.id, result, revision: revision)), true)
        case .ended(.refusal(let error)): return (MCPAnswer.event(MCPAnswer.error(error.answering(call.id))), true)
        case .ended(.nothing): return ([], true)
        }
    }

    /// Writes one event; a client that does not read it in time loses its stream and nothing else.
    private func deliver(_ bytes: [UInt8], to writer: ChannelBodyWriter) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await writer.write(bytes) }
            group.addTask {
                try await self.time.sleep(self.limits.deliveryTimeout)
                throw ChannelError(.cancelled, "The client did not read its answer within \(self.limits.deliveryTimeout).")
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}

/// The calls in flight in this process, so that they can be ended together.
final class RunningCalls: Sendable {
    private let calls = Mutex<[ObjectIdentifier: SessionCall]>([:])

    /// How many there are.
    var count: Int { self.calls.withLock { $0.count } }

    func insert(_ call: SessionCall) { self.calls.withLock { $0[ObjectIdentifier(call)] = call } }

    func remove(_ call: SessionCall) { _ = self.calls.withLock { $0.removeValue(forKey: ObjectIdentifier(call)) } }

    /// Wants all of them stopped.
    func stopAll(_ reason: SessionCall.StopReason) {
        for call in self.calls.withLock({ Array($0.values) }) { call.stop(reason) }
    }
}
