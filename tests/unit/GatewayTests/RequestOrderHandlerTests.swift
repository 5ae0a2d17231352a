import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import Gateway

@Suite("The order of a connection's requests, and its end")
struct RequestOrderHandlerTests {
    private static func channel() throws -> EmbeddedChannel {
        let channel = EmbeddedChannel(handler: RequestOrderHandler(idleTimeout: .seconds(60), maxUnwantedBytes: 10))
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/client")).wait()
        return channel
    }

    private static func head(_ path: String) -> HTTPServerRequestPart {
        .head(HTTPRequestHead(version: .http1_1, method: .POST, uri: path))
    }

    private static func answer(_ channel: EmbeddedChannel) throws -> HTTPResponseHead? {
        try channel.writeOutbound(HTTPServerResponsePart.head(HTTPResponseHead(version: .http1_1, status: .ok)))
        try channel.writeOutbound(HTTPServerResponsePart.end(nil))
        defer { _ = try? channel.readOutbound(as: HTTPServerResponsePart.self) }
        guard case .head(let head)? = try channel.readOutbound(as: HTTPServerResponsePart.self) else { return nil }
        return head
    }

    /// The paths and ends that were let through since the last time.
    private static func seen(_ channel: EmbeddedChannel) throws -> [String] {
        var seen: [String] = []
        while let part = try channel.readInbound(as: HTTPServerRequestPart.self) {
            switch part {
            case .head(let head): seen.append(head.uri)
            case .body: seen.append("body")
            case .end: seen.append("end")
            }
        }
        return seen
    }

    @Test("requests that are sent ahead wait for the answers before them, and nothing is read meanwhile")
    func pipelining() throws {
        let channel = try Self.channel()
        let reads = ReadCounter()
        try channel.pipeline.syncOperations.addHandler(reads, position: .first)
        for path in ["/1", "/2", "/3"] {
            try channel.writeInbound(Self.head(path))
            try channel.writeInbound(HTTPServerRequestPart.body(ByteBuffer(string: "x")))
            try channel.writeInbound(HTTPServerRequestPart.end(nil))
        }
        #expect(try Self.seen(channel) == ["/1", "body", "end"])
        channel.pipeline.read()
        #expect(reads.count == 0)
        _ = try Self.answer(channel)
        #expect(try Self.seen(channel) == ["/2", "body", "end"])
        #expect(reads.count == 0)
        _ = try Self.answer(channel)
        #expect(try Self.seen(channel) == ["/3", "body", "end"])
        #expect(reads.count == 1)
        channel.pipeline.read()
        #expect(reads.count == 2)
        _ = try channel.finish()
    }

    @Test("an answer may come before its request is complete; the next request waits for that")
    func earlyAnswer() throws {
        let channel = try Self.channel()
        try channel.writeInbound(Self.head("/1"))
        _ = try Self.answer(channel)
        try channel.writeInbound(HTTPServerRequestPart.body(ByteBuffer(string: "x")))
        try channel.writeInbound(HTTPServerRequestPart.end(nil))
        try channel.writeInbound(Self.head("/2"))
        #expect(try Self.seen(channel) == ["/1", "body", "end", "/2"])
        _ = try channel.finish()
    }

    @Test("what is no request is reported in its turn, after the answers that are due")
    func malformed() throws {
        let channel = try Self.channel()
        try channel.writeInbound(Self.head("/1"))
        try channel.writeInbound(HTTPServerRequestPart.end(nil))
        channel.pipeline.fireErrorCaught(HTTPParserError.invalidMethod)
        try channel.throwIfErrorCaught()
        #expect(throws: HTTPParserError.invalidMethod) {
            _ = try Self.answer(channel)
            try channel.throwIfErrorCaught()
        }
        _ = try? channel.finish()
    }

    @Test("a connection is closed when it was idle for the whole time, and not while a request is being answered")
    func idle() throws {
        let channel = try Self.channel()
        channel.embeddedEventLoop.advanceTime(by: .seconds(59))
        try channel.writeInbound(Self.head("/1"))
        channel.embeddedEventLoop.advanceTime(by: .seconds(59))
        try channel.writeInbound(HTTPServerRequestPart.end(nil))
        channel.embeddedEventLoop.advanceTime(by: .hours(2))
        #expect(channel.isActive)
        _ = try Self.answer(channel)
        channel.embeddedEventLoop.advanceTime(by: .seconds(59))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(61))
        #expect(!channel.isActive)

        let dribbling = try Self.channel()
        try dribbling.writeInbound(Self.head("/1"))
        dribbling.embeddedEventLoop.advanceTime(by: .seconds(60))
        #expect(!dribbling.isActive)
    }

    @Test("a service that stops closes idle connections at once, and others after the answer that is due")
    func stopping() throws {
        let idle = try Self.channel()
        idle.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        #expect(!idle.isActive)

        let busy = try Self.channel()
        for path in ["/1", "/2"] {
            try busy.writeInbound(Self.head(path))
            try busy.writeInbound(HTTPServerRequestPart.end(nil))
        }
        busy.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        #expect(busy.isActive)
        let head = try Self.answer(busy)
        #expect(head?.headers.first(name: "connection") == "close")
        #expect(!busy.isActive)
        #expect(try Self.seen(busy) == ["/1", "end"])

        let half = try Self.channel()
        try half.writeInbound(Self.head("/1"))
        half.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        _ = try Self.answer(half)
        #expect(half.isActive)
        try half.writeInbound(HTTPServerRequestPart.end(nil))
        #expect(!half.isActive)
    }

    @Test("that a client sends nothing more is passed on when nothing is being answered; after an answer that was due the connection ends")
    func inputClosed() throws {
        for isRequested in [false, true] {
            let channel = try Self.channel()
            let events = InputClosedCounter()
            try channel.pipeline.syncOperations.addHandler(events)
            if isRequested { try channel.writeInbound(Self.head("/1")) }
            channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
            #expect(events.count == 1, "idle, or in the middle of a request")
            _ = try channel.finish()
        }

        let channel = try Self.channel()
        let events = InputClosedCounter()
        try channel.pipeline.syncOperations.addHandler(events)
        for path in ["/1", "/2"] {
            try channel.writeInbound(Self.head(path))
            try channel.writeInbound(HTTPServerRequestPart.end(nil))
        }
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(try Self.answer(channel)?.headers["connection"] == [])
        #expect(channel.isActive && events.count == 0)
        #expect(try Self.seen(channel) == ["/1", "end", "/2", "end"])
        // It ends when the answer has left, not before.
        channel.write(HTTPServerResponsePart.head(HTTPResponseHead(version: .http1_1, status: .ok)), promise: nil)
        channel.write(HTTPServerResponsePart.end(nil), promise: nil)
        channel.flush()
        #expect(!channel.isActive)
        guard case .head(let head)? = try channel.readOutbound(as: HTTPServerResponsePart.self) else {
            Issue.record("there is no answer")
            return
        }
        #expect(head.headers["connection"] == ["close"])
        guard case .end? = try channel.readOutbound(as: HTTPServerResponsePart.self) else {
            Issue.record("the answer has no end")
            return
        }
    }

    @Test("an offer of another protocol is not taken up, and since nothing behind it can be read the connection ends with its answer")
    func upgrade() throws {
        for (fields, isLast) in [
            ([("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c")], true), ([("Upgrade", "h2c")], false),
            ([("Connection", "keep-alive, upgrade"), ("Upgrade", "websocket")], true), ([("Connection", "keep-alive")], false),
        ] {
            let channel = try Self.channel()
            let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: "/1", headers: HTTPHeaders(fields))
            try channel.writeInbound(HTTPServerRequestPart.head(head))
            try channel.writeInbound(HTTPServerRequestPart.end(nil))
            #expect(try Self.answer(channel)?.headers["connection"] == (isLast ? ["close"] : []), "\(fields)")
            #expect(channel.isActive == !isLast, "\(fields)")
            _ = try? channel.finish()
        }
    }

    @Test("what comes of a request after its answer is read within a bound; beyond it the connection ends")
    func unwantedBody() throws {
        let channel = try Self.channel()
        for path in ["/1", "/2"] {
            try channel.writeInbound(Self.head(path))
            try channel.writeInbound(HTTPServerRequestPart.body(ByteBuffer(repeating: 0, count: 100)))
            _ = try Self.answer(channel)
            try channel.writeInbound(HTTPServerRequestPart.body(ByteBuffer(repeating: 0, count: 10)))
            #expect(channel.isActive)
            if path == "/1" { try channel.writeInbound(HTTPServerRequestPart.end(nil)) }
        }
        _ = try? channel.writeInbound(HTTPServerRequestPart.body(ByteBuffer(repeating: 0, count: 1)))
        #expect(!channel.isActive)
    }

    @Test("the rest of a body that nobody wants is not read before its request is answered")
    func heldBack() throws {
        let channel = try Self.channel()
        let reads = ReadCounter()
        try channel.pipeline.syncOperations.addHandler(reads, position: .first)
        try channel.writeInbound(Self.head("/1"))
        channel.pipeline.triggerUserOutboundEvent(RequestOrderHandler.BodyIsUnwanted(), promise: nil)
        channel.pipeline.read()
        #expect(reads.count == 0)
        _ = try Self.answer(channel)
        #expect(reads.count == 1)
        _ = try channel.finish()
    }
}

/// Counts how often it is told that its client sends nothing more.
private final class InputClosedCounter: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart

    private(set) var count = 0

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed { self.count += 1 }
        context.fireUserInboundEventTriggered(event)
    }
}

/// Counts how often a connection is asked to read.
private final class ReadCounter: ChannelOutboundHandler {
    typealias OutboundIn = HTTPServerResponsePart

    private(set) var count = 0

    func read(context: ChannelHandlerContext) {
        self.count += 1
        context.read()
    }
}
