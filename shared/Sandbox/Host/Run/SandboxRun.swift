import JSON
import NIOCore
import NIOPosix
import Synchronization

/// One run and its child process: carries frames between the child, the state machine, and the caller's closures.
///
/// Frames are read by one task and answers written by another, so that a child that does not read holds up neither the limits nor the
/// other runs. Everything that may end the run leads to the same place: the child is killed, its end is awaited, the tasks of open calls
/// are cancelled and awaited.
final class SandboxRun: Sendable {
    private struct Shared {
        var state: RunState
        /// The scheduled look at the clocks, and when it comes. It may come too early, never too late.
        var tick: (deadline: RunState.Instant, task: Scheduled<Void>)?
    }

    private let child: ZygoteChild
    private let limits: SandboxLimits
    private let seat: AdmissionSeat
    private let eventLoop: any EventLoop
    private let shared: Mutex<Shared>
    private let answers: AsyncStream<Answer>
    private let answerQueue: AsyncStream<Answer>.Continuation

    /// Takes over a child that has not been told anything yet.
    init(child: ZygoteChild, limits: SandboxLimits, seat: AdmissionSeat, eventLoop: any EventLoop) {
        self.child = child
        self.limits = limits
        self.seat = seat
        self.eventLoop = eventLoop
        self.shared = Mutex(Shared(state: RunState(limits: limits, now: .now)))
        // ``RunState`` lets no more answers than this be outstanding.
        let capacity = 1 + 2 * limits.maxConcurrentCalls + 2 * limits.maxTimers
        (self.answers, self.answerQueue) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(capacity))
    }

    /// Tells the child what to do and sees it through to the end of its process.
    func perform(
        _ first: Answer.Content,
        onCall: @Sendable @escaping (SandboxCall) async -> SandboxReply,
        onLog: @Sendable @escaping (SandboxLogLine) -> Void
    ) async -> (ending: RunState.Ending, output: SandboxOutput) {
        await withTaskCancellationHandler {
            self.answerQueue.yield(Answer(content: first, elapsed: .zero))
            self.rearm()
            do {
                let channel = try await ClientBootstrap(group: self.eventLoop).withConnectedSocket(self.child.socket) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                    }
                }
                try await channel.executeThenClose { frames, writer in
                    await self.exchange(frames, writer, onCall: onCall, onLog: onLog)
                }
            } catch {
                // The channel broke because the child is gone; how it went is known in a moment.
            }
            self.child.kill()
            let exit = await self.child.waitForExit()
            return self.shared.withLock { shared in
                shared.tick?.task.cancel()
                shared.state.processEnded(exit, now: .now)
                return (shared.state.ending ?? .failed(.unavailable, "The run ended without an outcome."), shared.state.output)
            }
        } onCancel: {
            self.end(.cancelled, "The run was cancelled.")
        }
    }

    private func exchange(
        _ frames: NIOAsyncChannelInboundStream<ByteBuffer>,
        _ writer: NIOAsyncChannelOutboundWriter<ByteBuffer>,
        onCall: @Sendable @escaping (SandboxCall) async -> SandboxReply,
        onLog: @Sendable @escaping (SandboxLogLine) -> Void
    ) async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.writeAnswers(writer) }
            do {
                var parser = FrameParser()
                reading: for try await var bytes in frames {
                    while let frame = try parser.next(from: &bytes, admit: self.admit) {
                        switch self.receive(frame) {
                        case .nothing: break
                        case .log(let line): onLog(line)
                        case .call(let call):
                            group.addTask { self.answer(call.id, with: await onCall(call)) }
                        }
                        if self.hasEnded { break reading }
                    }
                }
            } catch let fault as FrameFault {
                self.end(fault.code, fault.message)
            } catch {
                // A reset: the child died with answers unread.
            }
            self.child.kill()
            self.answerQueue.finish()
            group.cancelAll()
        }
    }

    private func writeAnswers(_ writer: NIOAsyncChannelOutboundWriter<ByteBuffer>) async {
        do {
            for await answer in self.answers {
                try await answer.write { try await writer.write($0) }
                self.shared.withLock { $0.state.wasWritten(answer.content) }
            }
        } catch {
            // The child is gone or the run is over: the reading side knows why.
        }
    }

    // MARK: Events

    private var hasEnded: Bool { self.shared.withLock { $0.state.ending != nil } }

    private func admit(_ kind: Frame.Kind, _ length: Int) throws(FrameFault) {
        try self.shared.withLock { shared throws(FrameFault) in try shared.state.admit(kind, length: length) }
    }

    private func receive(_ frame: Frame) -> RunState.Effect {
        self.withState { $0.receive(frame, now: .now) }
    }

    private func answer(_ call: UInt32, with reply: SandboxReply) {
        let content: Answer.Content
        switch reply {
        case .value(let value):
            content = self.fulfilment(of: call, SplicedJSON(prefix: [], body: value, suffix: []))
        case .spliced(let value):
            content = self.fulfilment(of: call, value)
        case .throwing(let name, let message):
            content = .reject(call: call, name: name, message: message)
        }
        self.withState { state in
            guard let elapsed = state.answer(call, now: .now) else { return }
            // Under the lock, so that answers stand in the queue in the order of their times.
            self.answerQueue.yield(Answer(content: content, elapsed: elapsed))
        }
    }

    private func fulfilment(of call: UInt32, _ json: SplicedJSON) -> Answer.Content {
        let byteCount = json.prefix.count + json.body.bytes.count + json.suffix.count
        guard byteCount > self.limits.maxReplyBytes else { return .fulfil(call: call, json) }
        return .reject(
            call: call, name: "RangeError",
            message:
                "The tool answered with \(byteCount) bytes, more than the limit of \(ByteCount(self.limits.maxReplyBytes)). Ask it for less."
        )
    }

    private func end(_ code: SandboxError.Code, _ message: String) {
        self.withState { $0.end(code, message) }
        self.child.kill()
    }

    private func tick() {
        self.shared.withLock { $0.tick = nil }
        self.withState { state in
            let (wakeUps, elapsed) = state.tick(now: .now)
            for _ in 0..<wakeUps { self.answerQueue.yield(Answer(content: .wakeUp, elapsed: elapsed)) }
        }
        if self.hasEnded { self.child.kill() }
    }

    /// Lets an event change the state, then tells the clocks and the admission what has become of it.
    private func withState<Result: Sendable>(_ change: (inout RunState) -> Result) -> Result {
        let result = self.shared.withLock { shared in
            let wasWaiting = shared.state.isWaiting
            let result = change(&shared.state)
            // Under the lock, so that the admission hears of the changes in their order.
            if wasWaiting != shared.state.isWaiting { self.seat.setWaiting(!wasWaiting) }
            return result
        }
        self.rearm()
        return result
    }

    /// Sees to it that the clocks are looked at no later than the next deadline. A deadline that moves away is noticed when the old one
    /// comes, so that the many that move (with every call) cost nothing.
    private func rearm() {
        self.shared.withLock { shared in
            guard let deadline = shared.state.nextDeadline else { return }
            if let tick = shared.tick {
                guard deadline < tick.deadline else { return }
                tick.task.cancel()
            }
            let delay = TimeAmount(max(.zero, ContinuousClock.now.duration(to: deadline)))
            let task = self.eventLoop.scheduleTask(in: delay) { [weak self] in
                guard let self else { return }
                self.tick()
            }
            shared.tick = (deadline, task)
        }
    }
}
