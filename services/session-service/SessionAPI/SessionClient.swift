package import Channel
import JSON
package import MCP
package import Model
package import Telemetry

/// Calls one session-service over the internal channel.
///
/// It adds nothing to the channel but the contract: no retries, no choice of replica. Which failures may be retried elsewhere is said by
/// ``SessionAPIError/Code/unreachable`` and by an answer's ``SessionAnswer/refusal``.
package struct SessionClient: Sendable {
    /// The largest answer that is not a stream; the service sends larger ones as a stream.
    package static let maxWholeAnswerBytes = 1 << 20

    private let channel: any ChannelClient
    private let unread: UnreadAnswers
    private let version: ContractVersion

    /// - Parameters:
    ///   - channel: The connection to one replica; its `run()` is somebody else's.
    ///   - unread: The process's room for answers that its clients have not read.
    ///   - version: What is spoken; only tests of two versions side by side have another one.
    package init(channel: any ChannelClient, unread: UnreadAnswers, speaking version: ContractVersion = .current) {
        self.channel = channel
        self.unread = unread
        self.version = version
    }

    /// Opens a session with the client's `initialize`.
    ///
    /// - Parameters:
    ///   - stale: The session id that the client sent along, if any: refused when it is an open session of this caller.
    ///   - timeout: Until the whole answer is here.
    package func open(
        _ message: MCPEnvelope, stale: String?, for caller: SessionCaller, timeout: Duration, trace: TraceContext?
    ) async throws(SessionAPIError) -> SessionAnswer {
        try await self.send(.open, message, session: stale, for: caller, timeout: timeout, trace: trace)
    }

    /// Hands over any other message of a session.
    ///
    /// Cancelling the calling task, or letting go of the stream that came back, says that the client left; a call goes on nevertheless.
    ///
    /// - Parameters:
    ///   - timeout: Until the last byte; nil for the service's own bound. The service stops a tool call shortly before, so that its answer
    ///     still arrives.
    ///   - execution: What the execution of a tool call is to be called.
    package func send(
        _ message: MCPEnvelope, session: String, for caller: SessionCaller, timeout: Duration?, trace: TraceContext?,
        execution: ExecutionID? = nil
    ) async throws(SessionAPIError) -> SessionAnswer {
        try await self.send(
            .message, message, session: session, for: caller, timeout: timeout, trace: trace, execution: execution)
    }

    /// Opens a stream of a session, which has no end of its own: a new one, or the rest of one that the client lost.
    ///
    /// - Parameter event: The id of the last event that the client has of it.
    package func listen(
        session: String, after event: String?, for caller: SessionCaller, trace: TraceContext?
    ) async throws(SessionAPIError) -> SessionAnswer {
        try await self.send(.listen, nil, session: session, after: event, for: caller, timeout: nil, trace: trace)
    }

    /// Ends a session on its client's request.
    package func close(
        session: String, for caller: SessionCaller, timeout: Duration, trace: TraceContext?
    ) async throws(SessionAPIError) -> SessionAnswer {
        try await self.send(.close, nil, session: session, for: caller, timeout: timeout, trace: trace)
    }

    /// Ends a session of the caller's organization by its public name. Whether the caller may is the gateway's to decide.
    package func close(
        _ record: SessionRecordID, for caller: SessionCaller, timeout: Duration, trace: TraceContext?
    ) async throws(SessionAPIError) -> SessionAnswer {
        try await self.send(.closeRecord(record), nil, session: nil, for: caller, timeout: timeout, trace: trace)
    }

    /// Asks how the replica is; nil from one that answers but has no lease at the moment, or whose version cannot say.
    package func status(timeout: Duration) async throws(SessionAPIError) -> ReplicaStatus? {
        ReplicaStatus(try await self.ask(timeout: timeout))
    }

    /// Asks whether the replica serves. One whose version cannot say does if it answers at all.
    package func serves(timeout: Duration) async throws(SessionAPIError) -> Bool {
        guard self.version.hasStatus else { return true }
        let response = try await self.ask(timeout: timeout)
        return response.status == 404 || ReplicaStatus(response) != nil
    }

    private func ask(timeout: Duration) async throws(SessionAPIError) -> ChannelResponse {
        do throws(ChannelError) {
            let response = try await self.channel.send(
                ChannelRequest(method: SessionEndpoint.status.method, path: SessionEndpoint.status.path, timeout: timeout))
            _ = try await response.body.collect(upTo: Self.maxWholeAnswerBytes)
            return response
        } catch {
            throw SessionAPIError(error)
        }
    }

    private func send(
        _ endpoint: SessionEndpoint, _ message: MCPEnvelope?, session: String?, after event: String? = nil, for caller: SessionCaller,
        timeout: Duration?, trace: TraceContext?, execution: ExecutionID? = nil
    ) async throws(SessionAPIError) -> SessionAnswer {
        var headers = caller.headers(self.version)
        if let session { headers.append(SessionHeaders.session, session, isRepeated: false) }
        if let event { headers.append(SessionHeaders.lastEvent, event, isRepeated: false) }
        if let execution, self.version.hasExecutionNames {
            headers.append(SessionHeaders.execution, execution.rawValue, isRepeated: false)
        }
        let answer: SessionAnswer
        do throws(ChannelError) {
            let response = try await self.channel.send(
                ChannelRequest(
                    method: endpoint.method, path: endpoint.path, headers: headers, timeout: timeout, trace: trace,
                    body: message.map { .bytes($0.text.bytes) } ?? .empty))
            if response.headers["content-type"] == "text/event-stream" {
                let events = SessionEventStream(body: response.body, request: message?.requestID, unread: self.unread)
                return SessionAnswer(status: response.status, headers: response.headers, body: .events(events))
            }
            let bytes = try await response.body.collect(upTo: Self.maxWholeAnswerBytes)
            var fields = response.headers
            if !self.version.hasOwners { fields[SessionHeaders.owner] = nil }
            answer = SessionAnswer(status: response.status, headers: fields, body: .whole(bytes))
        } catch {
            throw SessionAPIError(error)
        }
        // The session is not what is missing there, and its client must not be told so.
        guard answer.status != 404 || !answer.headers.isEmpty else {
            throw SessionAPIError(.unreachable, "the replica is of a version that does not know \(endpoint.method) \(endpoint.path)")
        }
        return answer
    }
}
