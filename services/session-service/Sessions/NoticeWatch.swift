import Logging
import MCP
import Model
import Replicas
import SessionAPI
import Store
import Synchronization

/// Serves the streams that belong to no request, and looks after all of them together: whether their keys still work, and whether their
/// clients know the tools that there are.
///
/// What is asked is the organizations' revisions, in one statement for all of them, and at once where a change is announced. Only when one
/// was raised are tools listed, once for each principal who listens.
///
/// A class, because every stream holds on to it.
final class NoticeWatch: Sendable {
    private let keeper: SessionKeeper
    private let draining: DrainFlag
    private let limits: SessionLimits
    private let time: MonotonicClock
    private let logger: Logger

    init(keeper: SessionKeeper, draining: DrainFlag, limits: SessionLimits, time: MonotonicClock, logger: Logger) {
        self.keeper = keeper
        self.draining = draining
        self.limits = limits
        self.time = time
        self.logger = logger
    }

    private var streams: NoticeStreams { self.keeper.streams }

    // MARK: - Serving

    /// Makes a stream that has yet to begin.
    ///
    /// The tools are listed before: whatever changes from now on is found by the look that every new stream causes.
    /// - Parameter known: The tools that the client knows of, when it comes back.
    func makeStream(of session: Session, for principal: Principal, known: ToolListMark?) async -> NoticeStream {
        let current = await withTaskExecutorPreference(globalConcurrentExecutor) {
            try? await ToolListMark(session.stack(for: principal, from: self.keeper.stacks).tools())
        }
        return NoticeStream(session: session, principal: principal, mark: known, current: current, watch: self, at: self.time.now())
    }

    /// Takes a stream in, whose session is then in use; false when there is no room, or the session rests by now.
    func enter(_ stream: NoticeStream) -> Bool {
        let session = stream.session
        guard self.keeper.directory.pinAgain(session) else { return false }
        guard self.streams.insert(stream) else {
            self.release(session)
            return false
        }
        // Closing takes the session out first and ends its streams then: a stream that came in between ends here.
        guard self.keeper.directory.pinAgain(session) else {
            self.leave(stream)
            return false
        }
        self.keeper.unpin(session)
        return true
    }

    /// Tells the client of a stream that has begun, on whichever of the session's, if the tools are others than it knows of.
    func tell(_ session: Session, of mark: ToolListMark) { self.streams.tell(session.record, mark) }

    /// Lets go of a stream that has ended.
    func leave(_ stream: NoticeStream) {
        self.streams.remove(stream)
        self.release(stream.session)
    }

    /// A session that was held by its stream alone is handed over while the process drains, so that its client need not wait elsewhere.
    private func release(_ session: Session) {
        self.keeper.unpin(session)
        if self.draining.isSet { self.keeper.suspend(session) }
    }

    // MARK: - Looking after them

    /// Looks after the streams of organizations that have changed since the last time.
    func look() async throws {
        let watched = self.streams.organizations()
        guard !watched.isEmpty else { return }
        self.streams.end(notUnder: self.keeper.registration.currentLease)
        let revisions = try await self.keeper.store.organizations.revisions(of: Array(watched.keys))
        for (organization, seen) in watched where seen == nil || seen != revisions[organization] {
            await self.look(at: organization, revision: revisions[organization])
        }
    }

    private func look(at organization: OrganizationID, revision: Int64?) async {
        // An organization that is gone has a revision that never was.
        let viewers = self.streams.beginLooking(at: organization, revision: revision ?? -1)
        await self.keeper.stacks.forgetRules(of: organization)
        for (viewer, sessions) in viewers {
            guard let first = sessions.first?.first?.session else { continue }
            do {
                let scope = SessionScope(principal: viewer.principal, session: first.record, resource: viewer.resource)
                let mark = ToolListMark(try await self.keeper.stacks.makeStack(for: scope).tools())
                for streams in sessions {
                    if let session = streams.first?.session.record { self.streams.tell(session, mark) }
                }
            } catch let error as MCPError where error.code == .unauthorized {
                for stream in sessions.flatMap(\.self) { stream.end() }
            } catch {
                self.streams.failedLooking(at: organization)
                self.logger.warning("the tools of those who listen could not be listed", metadata: ["cause": "\(error)"])
            }
        }
    }

    /// Sends every stream a sign of life, and notes now and then that its session is in use.
    func keepAlive() {
        let due = self.streams.keepAlive(
            at: self.time.now(), deliveryTimeout: self.limits.deliveryTimeout, touchInterval: self.limits.reclaimAfter / 4)
        for session in due { self.keeper.touch(session) }
    }
}
