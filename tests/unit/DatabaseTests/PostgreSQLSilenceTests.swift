import Model
import TestSupport
import Testing

@testable import Database

/// Servers that say nothing more, and do not say that either.
@Suite("PostgreSQL's silences", .timeLimit(.minutes(5)), .enabled(if: TestPostgres.isExpected), .serialized)
struct PostgreSQLSilenceTests {
    /// A statement that gets no answer takes this long and more where nothing else ends it.
    private static let statementTimeout = Duration.seconds(120)

    private static func withDatabase(
        _ body: (PostgreSQLDatabase, TCPProxy) async throws -> Void
    ) async throws {
        let server = try await TestPostgres.shared()
        try await TCPProxy.run(to: server.port) { proxy in
            var configuration = try PostgreSQLConfiguration(server.networkURL("port=\(proxy.port)"))
            configuration.statementTimeout = Self.statementTimeout
            configuration.keepAliveInterval = Self.statementTimeout
            configuration.peerTimeout = .seconds(1)
            let database = try await PostgreSQLDatabase.open(configuration)
            try await body(database, proxy)
            await database.close()
        }
    }

    #if os(Linux)
    @Test("A server that vanishes under a transaction is given up soon, and the transaction run again over another connection")
    func vanished() async throws {
        try await Self.withDatabase { database, proxy in
            let start = ContinuousClock.now
            let attempts = Recorder<Int>()
            let rows = try await database.transaction(in: .installation) { transaction in
                _ = try await transaction.query("SELECT 1")
                attempts.record(1)
                if attempts.elements.count == 1 { try await proxy.vanish() }
                return try await transaction.query("SELECT 2")
            }
            #expect(rows.count == 1)
            #expect(attempts.elements.count == 2)
            #expect(start.duration(to: .now) < Self.statementTimeout / 2)
        }
    }

    @Test("A server that vanishes while nothing is sent is noticed all the same, and listened to again")
    func vanishedUnseen() async throws {
        try await Self.withDatabase { database, proxy in
            let notifications = try #require(database.notifications(on: NotificationChannel("roost_test")))
            var iterator = notifications.makeAsyncIterator()
            #expect(await iterator.next() == .resync)
            let start = ContinuousClock.now
            try await proxy.vanish()
            #expect(await iterator.next() == .resync)
            // A minute, where the system's keep-alive alone would find out.
            #expect(start.duration(to: .now) < Self.statementTimeout / 4)
        }
    }
    #endif

    @Test("A transaction whose task is cancelled is not waited for when the server says nothing", arguments: ["statement", "COMMIT"])
    func cancelled(during step: String) async throws {
        try await Self.withDatabase { database, proxy in
            let stalled = Gate()
            let writing = Task {
                try await database.transaction(in: .installation) { transaction in
                    _ = try await transaction.query("SELECT 1")
                    proxy.stall()
                    stalled.open()
                    if step == "statement" { _ = try await transaction.query("SELECT 2") }
                }
            }
            await stalled.wait()
            let start = ContinuousClock.now
            writing.cancel()
            await #expect(throws: (any Error).self) { try await writing.value }
            #expect(start.duration(to: .now) < Self.statementTimeout / 2)
        }
    }

    @Test("A server that is back is used within a second, however long it was away")
    func pause() throws {
        let configuration = try PostgreSQLConfiguration("postgresql://roost@127.0.0.1/roost")
        var machine = PoolStateMachine(limits: .init(configuration))
        var now = Duration.zero
        _ = machine.start(at: now)
        for id in 0..<200 {
            _ = machine.connectFailed(id, DatabaseError(code: .unavailable, message: "away"), at: now)
            let next = try #require(machine.nextDeadline)
            #expect(next - now < .seconds(1))
            now = next
            _ = machine.tick(at: now)
        }
        #expect(now > .seconds(30))
    }
}
