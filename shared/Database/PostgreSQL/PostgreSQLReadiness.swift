import Dispatch

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Tells when a connection's socket can be read, and, while somebody wants to know, when it can be written.
///
/// It watches the socket by a descriptor of its own. libpq closes its one by itself as soon as it finds that the server has gone, and a
/// connection that is opened at that moment gets the same number: while a source still stood for the old one, dispatch would take the
/// new for the old, and forget to watch it. That connection would never see an answer.
///
/// Belongs to one connection, on whose queue everything here happens.
final class PostgreSQLReadiness {
    /// What the connection does about it, called on its queue.
    struct Handlers: Sendable {
        let onReadable: @Sendable () -> Void
        let onWritable: @Sendable () -> Void
        /// After ``end()``: nothing looks at the socket any more.
        let onEnd: @Sendable () -> Void
    }

    private let descriptor: Int32
    private let queue: DispatchQueue
    private let handlers: Handlers
    private let sources = DispatchGroup()
    private var readSource: (any DispatchSourceRead)?
    private var writeSource: (any DispatchSourceWrite)?

    /// Watches for what can be read at once; nil when the process may open no further descriptor.
    init?(descriptor socket: Int32, queue: DispatchQueue, handlers: Handlers) {
        let descriptor = fcntl(socket, F_DUPFD_CLOEXEC, 0)
        guard descriptor >= 0 else { return nil }
        self.descriptor = descriptor
        self.queue = queue
        self.handlers = handlers
        let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
        source.setEventHandler { handlers.onReadable() }
        self.begin(source)
        self.readSource = source
    }

    /// Whether the socket takes no more for now.
    var isWaitingToWrite: Bool { self.writeSource != nil }

    /// Whether there is still something to read, be it the end.
    ///
    /// To be asked after each reading: dispatch tells of a hang-up once, together with what came before it, and is silent from then on.
    /// Who reads what came and waits for the end to be told would wait for ever.
    var hasMore: Bool {
        var byte: UInt8 = 0
        return recv(self.descriptor, &byte, 1, Int32(MSG_PEEK)) >= 0 || ![EAGAIN, EWOULDBLOCK, EINTR].contains(errno)
    }

    /// Begins to watch for room to write.
    func waitToWrite() {
        guard self.writeSource == nil else { return }
        let handlers = self.handlers
        let source = DispatchSource.makeWriteSource(fileDescriptor: self.descriptor, queue: self.queue)
        source.setEventHandler { handlers.onWritable() }
        self.begin(source)
        self.writeSource = source
    }

    /// Everything is written.
    func stopWaitingToWrite() {
        self.writeSource?.cancel()
        self.writeSource = nil
    }

    /// Watches no more; ``Handlers/onEnd`` follows.
    func end() {
        self.stopWaitingToWrite()
        self.readSource?.cancel()
        self.readSource = nil
        let (descriptor, handlers) = (self.descriptor, self.handlers)
        self.sources.notify(queue: self.queue) {
            close(descriptor)
            handlers.onEnd()
        }
    }

    private func begin(_ source: any DispatchSourceProtocol) {
        let sources = self.sources
        sources.enter()
        source.setCancelHandler { sources.leave() }
        source.resume()
    }
}
