import Channel
import JSON
import MCP
import Model
import SessionAPI

extension SessionCallRunner {
    /// What one of those who may end a call comes to.
    enum Step: Sendable {
        /// Somebody wants it stopped, or its time is up.
        case stopped(SessionCall.StopReason)
        /// The tool ended it; whole when it did all that it was to do.
        case toolEnded(SessionCall.Ending, isWhole: Bool = false)
        /// The tool's work was stopped; with what is told of it.
        case toolTold(JSONObject)
        /// The tool's work was stopped, and tells nothing.
        case toolGone
        /// The tool's work was stopped and has not ended for so long that its client waits no more.
        case graceOver
        /// Nothing.
        case idle
    }

    /// Says once that a tool's work is to be stopped.
    struct StopTool: Sendable {
        private let signal: AsyncStream<Void>
        private let continuation: AsyncStream<Void>.Continuation

        init() { (self.signal, self.continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1)) }

        func now() { self.continuation.finish() }

        /// Returns when it was said, or the waiting task is cancelled. For one waiter.
        func wait() async { for await () in self.signal {} }
    }
}

/// Who has ended a call, as a value: the first one, but for what was done all the same.
struct CallVerdict {
    private var reason: SessionCall.StopReason?
    private var result: SessionCall.Ending?
    private var told: JSONObject = [:]
    /// Whether the tool may still say something.
    private(set) var isAwaited = true

    /// Takes what one of them comes to; true when the tool is to be stopped now.
    mutating func take(_ step: SessionCallRunner.Step) -> Bool {
        switch step {
        case .stopped(let reason):
            guard self.reason == nil else { return false }
            self.reason = reason
            return true
        case .toolEnded(let ending, let isWhole):
            self.isAwaited = false
            if self.reason == nil || (isWhole && self.reason?.yieldsToResult == true) {
                self.result = ending
            } else if case .refusal(let error) = ending {
                self.told = error.data
                // That is the refusal's own.
                self.told["code"] = nil
            }
        case .toolTold(let data):
            self.isAwaited = false
            self.told = data
        case .toolGone, .graceOver: self.isAwaited = false
        case .idle: break
        }
        return false
    }

    /// How the call ended. Where nobody said anything the process stops.
    func ending(_ stopped: (SessionCall.StopReason) -> SessionCall.Ending) -> SessionCall.Ending {
        self.result ?? stopped(self.reason ?? .draining).telling(self.told)
    }
}

extension SessionCall.StopReason {
    /// Whether the client is better served by a result than by being told that its call was stopped: it is there and waits.
    fileprivate var yieldsToResult: Bool {
        switch self {
        case .cancelled, .sessionClosed: false
        case .draining, .leaseLost, .timedOut: true
        }
    }
}

extension SessionCall.Ending {
    /// The same ending; a refusal carries what is told of the call that it ended.
    func telling(_ data: JSONObject) -> SessionCall.Ending {
        guard case .refusal(var error) = self, !data.isEmpty else { return self }
        for (key, value) in data { error.data[key] = value }
        return .refusal(error)
    }
}

extension SessionHandler {
    /// What the gateway calls the execution of a call; nil where it says nothing, as for every message that is none.
    static func execution(of request: ChannelRequest) -> ExecutionID? {
        request.headers[SessionHeaders.execution].flatMap(ExecutionID.init(_:))
    }
}
