import Channel
import Synchronization
import TestSupport
import Testing

/// Bodies that are written from outside for as long as their exchange lasts.
@Suite("Bodies that are held", .timeLimit(.minutes(2)))
struct HeldBodyTests {
    private enum Event: Sendable, Hashable {
        case begun
        case ended
        case released
    }

    /// Passes on what it is told.
    private final class Holder: ChannelBodyHolder {
        private let events: Recorder<Event>
        private let writers: Recorder<ChannelBodyWriter>

        init(_ events: Recorder<Event>, _ writers: Recorder<ChannelBodyWriter>) {
            self.events = events
            self.writers = writers
        }

        deinit { self.events.record(.released) }

        func begin(_ writer: ChannelBodyWriter) {
            self.writers.record(writer)
            self.events.record(.begun)
        }

        func exchangeEnded() { self.events.record(.ended) }
    }

    /// Runs `body` with a client of a server all of whose bodies are held, but those at `/other`.
    private static func run(
        _ kind: ChannelKind, limits: ChannelLimits = ChannelFixture.limits,
        _ body: (any ChannelClient, _ events: Recorder<Event>, _ writers: Recorder<ChannelBodyWriter>) async throws -> Void
    ) async throws {
        let (events, writers) = (Recorder<Event>(), Recorder<ChannelBodyWriter>())
        try await ChannelFixture.withChannel(kind, limits: limits) { request in
            if request.path == "/other" { return ChannelResponse(status: 200, body: .text("other")) }
            return ChannelResponse(status: 200, body: .held(by: Holder(events, writers)))
        } _: { client in
            try await body(client, events, writers)
        }
    }

    private static let request = ChannelRequest(method: "GET", path: "/")

    @Test("What is written reaches the client, and the end too; nothing is left then", arguments: ChannelKind.allCases)
    func finished(kind: ChannelKind) async throws {
        try await Self.run(kind) { client, events, writers in
            let response = try await client.send(Self.request)
            await events.wait(for: 1)
            let writer = try #require(writers.elements.first)
            #expect(try writer.offer(Array("one ".utf8)))
            try await writer.write("two")
            writer.finish()
            #expect(throws: ChannelError.self) { try writer.offer([1]) }
            #expect(try await response.body.text() == "one two")
            await events.wait(for: 2)
            #expect(events.elements == [.begun, .released])
        }
    }

    @Test("A client that lets go ends the exchange: its holder is told once and let go of", arguments: ChannelKind.allCases)
    func letGo(kind: ChannelKind) async throws {
        try await Self.run(kind) { client, events, writers in
            do {
                let response = try await client.send(Self.request)
                await events.wait(for: 1)
                var chunks = response.body.makeAsyncIterator()
                try await writers.elements.first?.write("first")
                #expect(try await chunks.next() == Array("first".utf8))
            }
            await events.wait(for: 3)
            #expect(events.elements == [.begun, .ended, .released])
            #expect(throws: ChannelError.self) { try writers.elements.first?.offer([1]) }
        }
    }

    @Test("A server that stops tells its holders, and their clients", arguments: ChannelKind.allCases)
    func serverStops(kind: ChannelKind) async throws {
        let (events, writers) = (Recorder<Event>(), Recorder<ChannelBodyWriter>())
        let server = try ChannelFixture.server(kind) { _ in ChannelResponse(status: 200, body: .held(by: Holder(events, writers))) }
        let stopped = Gate()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await ChannelFixture.running([server]) { await stopped.wait() }
            }
            let client = try await ChannelFixture.client(of: server, kind)
            try await ChannelFixture.running([client]) {
                let response = try await client.send(Self.request)
                await events.wait(for: 1)
                stopped.open()
                #expect(await response.body.failure() != nil)
                await events.wait(for: 3)
                #expect(events.elements == [.begun, .ended, .released])
            }
            try await group.waitForAll()
        }
    }

    @Test("However many bodies are held, they take no handler's place", arguments: ChannelKind.allCases)
    func handlersPlace(kind: ChannelKind) async throws {
        var limits = ChannelFixture.limits
        limits.maxConcurrentHandlers = 2
        try await Self.run(kind, limits: limits) { client, events, writers in
            var responses: [ChannelResponse] = []
            for count in 1...5 {
                responses.append(try await client.sendUntilAnswered("/"))
                await events.wait(for: count)
            }
            let other = try await client.sendUntilAnswered("/other")
            #expect(try await other.body.text() == "other")
            for (index, writer) in writers.elements.enumerated() {
                try await writer.write("\(index)")
                writer.finish()
            }
            for (index, response) in responses.enumerated() { #expect(try await response.body.text() == "\(index)") }
        }
    }

    @Test("A client that never reads costs its bound and holds up nobody else", arguments: ChannelKind.allCases)
    func neverRead(kind: ChannelKind) async throws {
        try await Self.run(kind) { client, events, writers in
            let unread = try await client.send(Self.request)
            await events.wait(for: 1)
            let read = try await client.send(Self.request)
            await events.wait(for: 2)
            let (blocked, open) = (try #require(writers.elements.first), try #require(writers.elements.last))
            let chunk = [UInt8](repeating: 7, count: 1024)
            let rounds = 1000
            try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask {
                    var count = 0
                    for try await chunk in read.body { count += chunk.count }
                    return count
                }
                var taken = 0
                for _ in 0..<rounds {
                    // Nobody waits here for the one who does not read; the other one gets everything all the same.
                    if try blocked.offer(chunk) { taken += chunk.count }
                    while try !open.offer(chunk) { await Task.yield() }
                }
                open.finish()
                #expect(try await group.next() == rounds * chunk.count)
                let limits = ChannelFixture.limits
                #expect(taken <= limits.maxUnreadBytes + limits.maxUnsentBytes + chunk.count)
                #expect(try !blocked.offer(chunk))
            }
            withExtendedLifetime(unread) {}
        }
    }
}
