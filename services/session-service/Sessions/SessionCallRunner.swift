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
            await self.run(call, of: session, for: principal, within: time)
            self.running.remove(call)
            self.keeper.unpin(session)
        }
        if !isStarted {
            self.running.remove(call)
            self.keeper.unpin(session)
        }
        return isStarted
    }

    /// Runs a call and tells how it ended; returns when nothing of it is left, which may be later.
    private func run(_ call: SessionCall, of session: Session, for principal: Principal, within time: CallTime) async {
        await withTaskGroup(of: Step.self) { group in
            let stop = StopTool()
            group.addTask { await self.performUntil(stop, call, of: session, for: principal, within: time) }
            group.addTask { await call.stopRequest().map(Step.stopped) ?? .idle }
            group.addTask { (try? await self.time.sleep(time.whole)) == nil ? .idle : .stopped(.timedOut) }
            var verdict = CallVerdict()
            while verdict.isAwaited, let step = await group.next() {
                guard verdict.take(step) else { continue }
                // The tool's own work is stopped too, and then tells what was done; unless that hangs, as it does with the database.
                stop.now()
                group.addTask { (try? await self.time.sleep(self.limits.endingGrace)) == nil ? .idle : .graceOver }
            }
            let ending = verdict.ending(Self.ending(after:))
            // Before anybody hears of it: an answer that was finished is found by whoever comes back for it.
            await session.finish(call, await self.record(ending, of: call, in: session))
            stop.now()
            group.cancelAll()
        }
    }

    /// Performs a call, which is cancelled when the tool is to be stopped.
    private func performUntil(
        _ stop: StopTool, _ call: SessionCall, of session: Session, for principal: Principal, within time: CallTime
    ) async -> Step {
        await withTaskGroup(of: Step?.self) { group in
            group.addTask { await self.perform(call, of: session, for: principal, within: time) }
            group.addTask {
                await stop.wait()
                return nil
            }
            var last = Step.toolGone
            for await step in group {
                if let step { last = step }
                group.cancelAll()
            }
            return last
        }
    }

    private func perform(
        _ call: SessionCall, of session: Session, for principal: Principal, within time: CallTime
    ) async -> Step {
        do {
            let stack = try await session.stack(for: principal, from: self.keeper.stacks)
            let outcome = try await stack.call(call.request, as: call.execution, within: time.stack, progress: call)
            switch outcome {
            case .stopped(let data): return .toolTold(data)
            // It ran to its end although it was to be stopped: what it did is done, and this says what.
            case .result(let result) where !Task.isCancelled || !result.isError:
                return .toolEnded(self.keeping(result), isWhole: !result.isError)
            case .result: return .toolGone
            case .unknownTool:
                return .toolEnded(
                    .refusal(MCPError(.invalidParams, "There is no tool named \(call.request.name.prefix(64)).", id: call.id)))
            case .invalidArguments(let message) where session.revision.reportsInvalidArgumentsAsResult:
                return .toolEnded(.result(.failure(message), nil))
            case .invalidArguments(let message):
                return .toolEnded(.refusal(MCPError(.invalidParams, message, id: call.id)))
            }
        } catch let error as MCPError {
            return .toolEnded(.refusal(error.answering(call.id)))
        } catch {
            guard !Task.isCancelled else { return .toolGone }
            self.logger.error("a tool call failed", metadata: ["session": "\(session.record)", "cause": "\(error)"])
            return .toolEnded(.refusal(MCPError(.internalError, "The call failed for a reason within Roost; see its log.", id: call.id)))
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
