import Channel
import JSON
import Logging
import MCP
import Model
import Replicas
import SessionAPI

/// Runs tool calls, each in a job of its own that outlives the request that waits for it. The answers are in extensions.
struct SessionCallRunner: Sendable {
    let keeper: SessionKeeper
    let limits: SessionLimits
    let time: MonotonicClock
    let logger: Logger
    let running = RunningCalls()
    let unread: UnreadAnswers

    init(keeper: SessionKeeper, limits: SessionLimits, time: MonotonicClock, logger: Logger) {
        self.keeper = keeper
        self.limits = limits
        self.time = time
        self.logger = logger
        self.unread = UnreadAnswers(maxBytes: limits.maxUnreadBytes)
    }

    /// Begins the job of a call; false when there are as many calls as there may be.
    func begin(_ call: SessionCall, of session: Session, for principal: Principal, within time: CallTime) -> Bool {
        guard self.running.insert(call, under: session.lease, limit: self.limits.maxCalls) else { return false }
        self.keeper.directory.pinAgain(session)
        let isStarted = self.keeper.work.start {
            let ending = await self.run(call, of: session, for: principal, within: time)
            // Before anybody hears of it: an answer that was finished is found by whoever comes back for it.
            await session.finish(call, await self.record(ending, of: call, in: session))
            self.running.remove(call)
            self.keeper.unpin(session)
        }
        if !isStarted {
            self.running.remove(call)
            self.keeper.unpin(session)
        }
        return isStarted
    }

    private func run(
        _ call: SessionCall, of session: Session, for principal: Principal, within time: CallTime
    ) async -> SessionCall.Ending {
        await withTaskGroup(of: Step.self) { group in
            group.addTask { await self.perform(call, of: session, for: principal, within: time) }
            group.addTask { Step(await call.stopRequest().map(Self.ending(after:))) }
            group.addTask { Step((try? await self.time.sleep(time.whole)).map { Self.ending(after: .timedOut) }) }
            // Whoever is first decides; the others are cancelled and waited for, the tool's own work too, which then tells what was done.
            var (ending, told): (SessionCall.Ending?, JSONObject) = (nil, [:])
            for await step in group {
                switch step {
                case .ended(let first):
                    ending = ending ?? first
                    group.cancelAll()
                case .stopped(let data): told = data
                case .nothing: break
                }
            }
            return (ending ?? Self.ending(after: .draining)).telling(told)
        }
    }

    private func perform(
        _ call: SessionCall, of session: Session, for principal: Principal, within time: CallTime
    ) async -> Step {
        do {
            let stack = try await session.stack(for: principal, from: self.keeper.stacks)
            let outcome = try await stack.call(call.request, as: call.execution, within: time.stack, progress: call)
            if case .stopped(let data) = outcome { return .stopped(data) }
            guard !Task.isCancelled else { return .nothing }
            switch outcome {
            case .result(let result): return .ended(self.keeping(result))
            case .stopped: return .nothing
            case .unknownTool:
                return .ended(
                    .refusal(MCPError(.invalidParams, "There is no tool named \(call.request.name.prefix(64)).", id: call.id)))
            case .invalidArguments(let message) where session.revision.reportsInvalidArgumentsAsResult:
                return .ended(.result(.failure(message), nil))
            case .invalidArguments(let message):
                return .ended(.refusal(MCPError(.invalidParams, message, id: call.id)))
            }
        } catch let error as MCPError {
            return .ended(.refusal(error.answering(call.id)))
        } catch {
            guard !Task.isCancelled else { return .nothing }
            self.logger.error("a tool call failed", metadata: ["session": "\(session.record)", "cause": "\(error)"])
            return .ended(.refusal(MCPError(.internalError, "The call failed for a reason within Roost; see its log.", id: call.id)))
        }
    }

    /// The ending with a result, when there is room to keep it until it was read.
    private func keeping(_ result: MCPToolResult) -> SessionCall.Ending {
        do throws(UnreadAnswers.Full) {
            return .result(result, try self.unread.takeRoom(for: result.byteCount))
        } catch {
            self.logger.warning("an answer was dropped", metadata: ["unread-bytes": "\(self.unread.byteCount)"])
            return .refusal(.answerDropped())
        }
    }

    private static func ending(after reason: SessionCall.StopReason) -> SessionCall.Ending {
        switch reason {
        case .cancelled: .nothing
        case .sessionClosed:
            .refusal(MCPError(.executionInterrupted, "The session was closed while the call ran; it may or may not have had effects."))
        case .draining:
            .refusal(MCPError(.executionInterrupted, "The session service stopped while the call ran; it may or may not have had effects."))
        case .leaseLost:
            .refusal(
                MCPError(
                    .executionInterrupted,
                    "The process that ran the call lost touch with the database, and another may run its session now; the call may or may not "
                        + "have had effects: look at what it was to change before calling again."))
        case .timedOut:
            .refusal(.callTimedOut())
        }
    }
}
