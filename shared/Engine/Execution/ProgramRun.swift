import JSON
import Model
import Sandbox

/// One program's way through the sandbox: recovered from what was sent, run, stopped from outside when asked to.
struct ProgramRun: Sendable {
    /// How a run ended.
    struct Ending: Sendable {
        enum Outcome: Sendable {
            case returned(JSONText?)
            case failed(ExecutionFailure)
            case stopped(StopReason)
        }

        let outcome: Outcome
        let output: SandboxOutput
    }

    private enum Event: Sendable {
        case ended(Ending)
        case stopped(StopReason)
        /// A watch that has nothing to say.
        case idle
    }

    let sandbox: any SandboxRunning
    let limits: SandboxLimits
    let seed: UInt64
    let startTime: Timestamp
    let dispatcher: ToolDispatcher
    let watch: RunWatch
    /// How long the ends of calls wait to be written together.
    let callNoteDelay: Duration

    /// Runs the program until it ends or is stopped, for the first reason that there is. Returns when nothing of it is left.
    func run(_ code: String, until signal: StopSignal) async -> Ending {
        await withTaskGroup(of: Event.self) { group in
            group.addTask { .ended(await self.recovered(code)) }
            group.addTask { .stopped(await signal.reason()) }
            group.addTask { await self.watch.timeIsUp().map(Event.stopped) ?? .idle }
            group.addTask {
                await self.dispatcher.journal.keepWriting(after: self.callNoteDelay, sleep: self.watch.sleep)
                return .idle
            }
            group.addTask { await self.watch.revocation().map(Event.stopped) ?? .idle }
            var reason: StopReason?
            while let event = await group.next() {
                switch event {
                case .idle: continue
                case .stopped(let stopped):
                    reason = reason ?? stopped
                    group.cancelAll()
                case .ended(let ending):
                    group.cancelAll()
                    // A program that was faster than the one who stopped it has ended on its own terms.
                    guard let reason, case .stopped = ending.outcome else { return ending }
                    return Ending(outcome: .stopped(reason), output: ending.output)
                }
            }
            return Ending(outcome: .stopped(.callerGone), output: SandboxOutput())
        }
    }

    /// Runs the program with its function called; should that turn out not to be a program, as it was written.
    private func recovered(_ code: String) async -> Ending {
        let program = RecoveredProgram(code)
        do throws(SandboxError) {
            return try await self.attempt(program)
        } catch {
            guard error.code == .syntaxError, program.callsFunction, !error.hasStarted else { return self.ending(error, program) }
        }
        let written = RecoveredProgram.asWritten(code)
        do throws(SandboxError) {
            return try await self.attempt(written)
        } catch {
            return self.ending(error, written)
        }
    }

    private func attempt(_ program: RecoveredProgram) async throws(SandboxError) -> Ending {
        let dispatcher = self.dispatcher
        let report = try await self.sandbox.run(
            SandboxProgram(source: program.source, limits: self.limits, seed: self.seed, startTime: self.startTime),
            onCall: { await dispatcher.reply(to: $0) })
        switch report.outcome {
        case .returned(let result):
            return Ending(outcome: .returned(result), output: report.output)
        case .threw(let thrown):
            return Ending(outcome: .failed(.thrown(thrown, in: program)), output: report.output)
        }
    }

    private func ending(_ error: SandboxError, _ program: RecoveredProgram) -> Ending {
        if error.code == .cancelled { return Ending(outcome: .stopped(.callerGone), output: error.output) }
        return Ending(outcome: .failed(.limit(error, in: program, self.dispatcher.journal.report)), output: error.output)
    }
}

extension ProgramRun.Ending {
    /// The answer to this ending.
    func rendered(by renderer: AnswerRenderer, _ calls: CallReport) -> RenderedAnswer {
        switch self.outcome {
        case .returned(let result):
            renderer.answer(result: result, output: self.output)
        case .failed(let failure):
            renderer.answer(failure: failure, state: .failed, output: self.output)
        case .stopped(.cancelled), .stopped(.callerGone):
            renderer.answer(failure: .cancelled(calls), state: .cancelled, output: self.output)
        case .stopped(.timedOut):
            renderer.answer(failure: .timedOut(calls), state: .failed, output: self.output)
        case .stopped(.revoked):
            renderer.answer(failure: .revoked(calls), state: .failed, output: self.output)
        case .stopped(.draining), .stopped(.leaseLost):
            renderer.answer(failure: .interrupted(calls), state: .failed, output: self.output)
        }
    }
}
