import Logging
import MCP
import Model
import Replicas
import SessionAPI
import Store

/// What is kept of calls for clients that lose their streams: a row from the moment on that a client has an event id to come back with, and
/// in the end the answer. A call that is answered before that, and one whose revision has no ids, costs no statement.
///
/// Progress is not kept. A later report takes the place of an earlier one anyhow, nobody is owed any of them, and the answer says more.
extension SessionCallRunner {
    /// Gives a call's stream an id, unless it has one or its answer is about to come. Where that cannot be written the stream goes on
    /// without ids, and its client cannot come back.
    func openLog(_ call: SessionCall, of session: Session) async {
        guard call.beginLog() else { return }
        let stream = SessionStreamID()
        let (store, bounds) = (self.keeper.store, self.limits.replayBounds)
        let isOpen = await self.writing("a stream was begun without event ids", session) {
            try await store.sessionStreams.open(
                stream, request: call.id.description, execution: call.execution, of: session.record, in: session.owner.organization,
                by: session.lease, within: bounds)
        }
        call.logBegan(isOpen ? stream : nil)
    }

    /// Writes how a call ended, if its client may come back for it; gives the ending with the message that was written.
    func record(_ ending: SessionCall.Ending, of call: SessionCall, in session: Session) async -> SessionCall.Ending {
        guard let (stream, number) = await call.sealLog() else { return ending }
        let (end, written): (SessionStreamEnd, SessionCall.Ending) =
            switch ending {
            case .result(let result, let room):
                Self.message(MCPAnswer.toolResult(call.id, result, revision: session.revision), number, room)
            case .refusal(let error): Self.message(MCPAnswer.error(error.answering(call.id)), number, nil)
            case .message(let bytes, let room): Self.message(bytes, number, room)
            case .nothing: (.silent, .nothing)
            }
        // Without the lease nothing is written, and nobody is to wait for that.
        guard self.keeper.registration.currentLease == session.lease else { return written }
        let (store, bounds) = (self.keeper.store, self.limits.replayBounds)
        _ = await self.writing("an answer was not kept for its client to come back for", session) {
            try await store.sessionStreams.end(
                stream, of: session.record, in: session.owner.organization, by: session.lease, with: end, within: bounds)
        }
        return written
    }

    private static func message(
        _ bytes: [UInt8], _ number: Int64, _ room: UnreadAnswers.Room?
    ) -> (SessionStreamEnd, SessionCall.Ending) { (.answer(bytes, sequence: number), .message(bytes, room)) }

    /// Writes within a bounded time, because a client waits; false when it did not work or there was no room.
    private func writing(_ failure: String, _ session: Session, _ body: @escaping @Sendable () async throws -> Bool) async -> Bool {
        await withTaskGroup(of: Bool?.self) { group in
            group.addTask {
                do {
                    return try await body()
                } catch let error as StoreError where error.code == .ownerLost {
                    // The session was closed, or is somebody else's by now: there is nobody to come back to this.
                    return false
                } catch {
                    if !Task.isCancelled {
                        self.logger.warning("\(failure)", metadata: ["session": "\(session.record)", "cause": "\(error)"])
                    }
                    return false
                }
            }
            group.addTask {
                try? await self.time.sleep(self.limits.replayWriteTimeout)
                return false
            }
            defer { group.cancelAll() }
            return await group.next().flatMap(\.self) ?? false
        }
    }
}
