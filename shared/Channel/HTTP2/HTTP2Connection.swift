import NIOCore
import NIOPosix
import Synchronization

/// What tasks ask of a connection's event loop.
enum ConnectionCommand: Sendable {
    /// Client: send the request.
    case open(HTTP2Stream)
    /// Server: send the response that is in the stream.
    case respond(HTTP2Stream)
    /// There is something to send again.
    case resume(HTTP2Stream)
    /// The consumer took so many bytes.
    case credit(HTTP2Stream, Int)
    /// Break the stream off.
    case reset(HTTP2Stream, StreamCode)
    /// Take nothing new, let what runs end, then close.
    case drain
    /// Close now; what runs fails with the error.
    case close(ChannelError)
}

/// A connection as everybody outside of its event loop sees it: a mailbox.
///
/// Commands that come while the event loop has not got round to the earlier ones wait in one array, so that a burst from many tasks
/// costs one wake-up, one pass through the framing engine and one write. No wake-up is lost: a command is put in, and the visit
/// scheduled, under the same lock under which the visit takes everything out; and once the mailbox is closed it refuses, and whoever
/// gets the refusal ends its stream itself.
final class HTTP2Connection: Sendable {
    private struct Mailbox {
        var commands: [ConnectionCommand] = []
        /// Nil until the channel is made, and again once the connection is closed.
        var handler: NIOLoopBound<HTTP2ConnectionHandler>?
        var isScheduled = false
        var isClosed = false
        var isEnding = false
    }

    /// The event loops that all channels of the process share.
    static var group: MultiThreadedEventLoopGroup { .singleton }

    /// Which of its client's connections it is; zero on a server.
    let attempt: Int
    let eventLoop: any EventLoop
    private let mailbox = Mutex(Mailbox())

    init(eventLoop: any EventLoop, attempt: Int = 0) {
        self.eventLoop = eventLoop
        self.attempt = attempt
    }

    /// Leaves a command for the event loop. False when the connection is closed and nothing will come of it.
    @discardableResult
    func submit(_ command: ConnectionCommand) -> Bool {
        let (isTaken, visit) = self.mailbox.withLock { mailbox -> (Bool, NIOLoopBound<HTTP2ConnectionHandler>?) in
            guard !mailbox.isClosed else { return (false, nil) }
            mailbox.commands.append(command)
            guard !mailbox.isScheduled, let handler = mailbox.handler else { return (true, nil) }
            mailbox.isScheduled = true
            return (true, handler)
        }
        if let visit { self.eventLoop.execute { visit.value.runCommands() } }
        return isTaken
    }

    /// Opens a stream; if the connection is closed, the stream ends at once as not processed.
    func open(_ stream: HTTP2Stream) {
        guard !self.submit(.open(stream)) else { return }
        stream.end(.connection(ChannelError(.notProcessed, "The connection closed before the request was sent.")))
    }

    /// Connects the mailbox to the handler. On the event loop.
    func bind(_ handler: HTTP2ConnectionHandler) {
        let bound = NIOLoopBound(handler, eventLoop: self.eventLoop)
        let mustVisit = self.mailbox.withLock { mailbox -> Bool in
            guard !mailbox.isClosed else { return false }
            mailbox.handler = bound
            mailbox.isScheduled = !mailbox.commands.isEmpty
            return mailbox.isScheduled
        }
        if mustVisit { self.eventLoop.execute { bound.value.runCommands() } }
    }

    /// Swaps what has come in for an empty array, whose room is used for what comes next. On the event loop.
    func takeCommands(into batch: inout [ConnectionCommand]) {
        self.mailbox.withLock { mailbox in
            swap(&mailbox.commands, &batch)
            mailbox.isScheduled = false
        }
    }

    /// Refuses commands from now on and returns those that nobody will run.
    func close() -> [ConnectionCommand] {
        self.mailbox.withLock { mailbox in
            mailbox.isClosed = true
            mailbox.handler = nil
            defer { mailbox.commands = [] }
            return mailbox.commands
        }
    }

    /// Whether new streams make no sense on it any more, because it is closed or about to be.
    var isEnding: Bool { self.mailbox.withLock { $0.isClosed || $0.isEnding } }

    /// Says that new streams make no sense on it any more.
    func markEnding() { self.mailbox.withLock { $0.isEnding = true } }
}
