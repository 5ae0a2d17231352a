import Model
import TestSupport
import Testing

@testable import Database

@Suite("Announcements", .timeLimit(.minutes(3)))
struct PostgreSQLNotificationTests {
    private static let channel = NotificationChannel("roost_test")

    @Test("On SQLite the listeners of the process hear what is committed, and only on their channel")
    func sqlite() async throws {
        struct Refused: Error {}
        try await withTemporaryDatabase { database in
            let connection = database.connection(in: .installation)
            let notifications = try #require(database.notifications(on: Self.channel))
            var ears = notifications.makeAsyncIterator()
            #expect(await ears.next() == .resync)
            await #expect(throws: Refused.self) {
                try await database.transaction(in: .installation) { transaction in
                    try await database.announce("never", on: Self.channel, over: transaction)
                    throw Refused()
                }
            }
            try await database.announce("else", on: NotificationChannel("roost_other"), over: connection)
            try await database.transaction(in: .installation) { try await database.announce("1", on: Self.channel, over: $0) }
            try await database.announce("2", on: Self.channel, over: connection)
            #expect(await ears.next() == .payload("1"))
            #expect(await ears.next() == .payload("2"))
            await expect(.tooBig) {
                try await database.announce(String(repeating: "x", count: 8000), on: Self.channel, over: connection)
            }
            try await database.close()
            #expect(await ears.next() == nil)
            let late = try #require(database.notifications(on: Self.channel))
            var lateEars = late.makeAsyncIterator()
            #expect(await lateEars.next() == nil)
        }
    }

    @Test(
        "Every listener hears what is committed, in order, after a first resync, and only on its channel",
        .enabled(if: TestPostgres.isExpected))
    func announcing() async throws {
        struct Refused: Error {}
        try await withTemporaryPostgreSQL { database in
            let connection = database.connection(in: .installation)
            let first = try #require(database.notifications(on: Self.channel))
            let second = try #require(database.notifications(on: Self.channel))
            let other = try #require(database.notifications(on: NotificationChannel("roost_other")))
            var (ears, moreEars, otherEars) = (first.makeAsyncIterator(), second.makeAsyncIterator(), other.makeAsyncIterator())
            #expect(await ears.next() == .resync)
            #expect(await moreEars.next() == .resync)
            #expect(await otherEars.next() == .resync)
            try await database.announce("1", on: Self.channel, over: connection)
            await #expect(throws: Refused.self) {
                try await database.transaction(in: .organization(OrganizationID())) { transaction in
                    try await database.announce("never", on: Self.channel, over: transaction)
                    throw Refused()
                }
            }
            try await database.transaction(in: .installation) { try await database.announce("2", on: Self.channel, over: $0) }
            try await database.announce("else", on: NotificationChannel("roost_other"), over: connection)
            for expected in ["1", "2"] {
                #expect(await ears.next() == .payload(expected))
                #expect(await moreEars.next() == .payload(expected))
            }
            #expect(await otherEars.next() == .payload("else"))
            await expect(.tooBig) {
                try await database.announce(String(repeating: "x", count: 8000), on: Self.channel, over: connection)
            }
        }
    }

    @Test("What does not fit becomes one resync, and cancelling or closing ends the iteration")
    func bounds() async {
        let mailbox = NotificationMailbox(maxBuffered: 3)
        for number in 0..<3 { mailbox.deliver(.payload("\(number)")) }
        #expect(await mailbox.next() == .payload("0"))
        for number in 3..<6 { mailbox.deliver(.payload("\(number)")) }
        #expect(await mailbox.next() == .resync)
        #expect(await mailbox.next() == .payload("5"))
        let waiting = Task { await mailbox.next() }
        waiting.cancel()
        #expect(await waiting.value == nil)
        mailbox.finish()
        #expect(await mailbox.next() == nil)
    }

    @Test("After a restart of the server listeners are told to resync and hear again", .enabled(if: TestPostgres.isExpected))
    func restart() async throws {
        try await TestPostgres.withServer { server in
            var configuration = try PostgreSQLConfiguration(server.url())
            configuration.maxReconnectPause = .milliseconds(200)
            let database = try await PostgreSQLDatabase.open(configuration)
            let notifications = try #require(database.notifications(on: Self.channel))
            var ears = notifications.makeAsyncIterator()
            #expect(await ears.next() == .resync)
            for round in 0..<2 {
                try await server.kill()
                try await server.restart()
                #expect(await ears.next() == .resync)
                // The pool finds back by itself too, perhaps a moment later.
                while true {
                    do {
                        try await database.announce("\(round)", on: Self.channel, over: database.connection(in: .installation))
                        break
                    } catch let error as DatabaseError where error.isTransient && !error.isOutcomeUnknown {
                        await Task.yield()
                    }
                }
                #expect(await ears.next() == .payload("\(round)"))
            }
            await database.close()
            #expect(await ears.next() == nil)
        }
    }
}
