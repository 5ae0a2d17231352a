internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import Synchronization

/// One request on the wire and the collecting of its answer, as AsyncHTTPClient's delegate.
///
/// The body grows in one array that is reserved from Content-Length, so a large answer is copied once, from the socket's buffers.
final class Exchange: HTTPClientResponseDelegate {
    typealias Response = Answer

    /// What came back.
    struct Answer: Sendable {
        let status: Int
        let headers: [(name: String, value: String)]
        let body: [UInt8]

        func header(_ name: String) -> String? { self.headers.first { $0.name == name }?.value }
    }

    private struct State {
        var isSent = false
        var head: HTTPResponseHead?
        var body: [UInt8] = []
        var byteCount = 0
        var dropsBody = false
    }

    private let maxBytes: Int
    private let boundKey: String?
    private let isHead: Bool
    private let dropsRedirects: Bool
    private let state = Mutex(State())

    /// `dropsRedirects` says whether redirects will be followed; their bodies are counted then and not kept. `boundKey`
    /// is the configuration key that raises `maxBytes`, where it is not the request that asks for no more.
    init(method: String, maxBytes: Int, boundKey: String?, dropsRedirects: Bool) {
        self.isHead = method == "HEAD"
        self.maxBytes = maxBytes
        self.boundKey = boundKey
        self.dropsRedirects = dropsRedirects
    }

    /// The largest body that is taken, in words.
    var bound: String { "\(self.maxBytes) bytes" + (self.boundKey.map { " (\($0))" } ?? "") }

    /// Whether the request's head was written out whole, after which a server may have acted on it.
    var isSent: Bool { self.state.withLock(\.isSent) }

    /// Whether any part of an answer came.
    var isAnswered: Bool { self.state.withLock { $0.head != nil } }

    func didSendRequestHead(task: HTTPClient.Task<Answer>, _ head: HTTPRequestHead) {
        self.state.withLock { $0.isSent = true }
    }

    func didReceiveHead(task: HTTPClient.Task<Answer>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
        let announced = self.isHead ? 0 : head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
        let isRedirect = Answer.redirectStatuses.contains(Int(head.status.code)) && head.headers.contains(name: "location")
        self.state.withLock { state in
            state.head = head
            state.dropsBody = self.dropsRedirects && isRedirect
            if announced <= self.maxBytes, !state.dropsBody { state.body.reserveCapacity(announced) }
        }
        guard announced <= self.maxBytes else { return task.eventLoop.makeFailedFuture(BodyTooLarge()) }
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didReceiveBodyPart(task: HTTPClient.Task<Answer>, _ buffer: ByteBuffer) -> EventLoopFuture<Void> {
        let fits = self.state.withLock { state in
            state.byteCount += buffer.readableBytes
            guard state.byteCount <= self.maxBytes else {
                state.body = []
                return false
            }
            if !state.dropsBody { buffer.withUnsafeReadableBytes { state.body.append(contentsOf: $0) } }
            return true
        }
        return fits ? task.eventLoop.makeSucceededVoidFuture() : task.eventLoop.makeFailedFuture(BodyTooLarge())
    }

    func didFinishRequest(task: HTTPClient.Task<Answer>) throws -> Answer {
        try self.state.withLock { state in
            guard let head = state.head else { throw HTTPClientError.remoteConnectionClosed }
            // Moved out, not copied: the state must not keep a second reference while the caller uses the bytes.
            let body = state.body
            state.body = []
            return Answer(
                status: Int(head.status.code), headers: head.headers.map { (name: $0.name.lowercased(), value: $0.value) }, body: body)
        }
    }

    /// The body is larger than the caller takes.
    struct BodyTooLarge: Error {}
}
