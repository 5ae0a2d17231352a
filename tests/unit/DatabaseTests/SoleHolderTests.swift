import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Database

@Suite("One process of a kind on a SQLite file", .timeLimit(.minutes(2)))
struct SoleHolderTests {
    /// Lets go of a place at a moment of the test's choice.
    private final class Holding: Sendable {
        private let holder: Mutex<SoleHolder?>

        init(_ holder: SoleHolder) { self.holder = Mutex(holder) }

        func announceEnd() { self.holder.withLock { $0?.announceEnd() } }

        func letGo() { self.holder.withLock { $0 = nil } }
    }

    private static func take(
        _ path: String, kind: String = "session-service", grace: Duration = .milliseconds(20), handover: Duration = .zero
    ) async throws -> Holding {
        Holding(try await SoleHolder.take(kind, of: path, grace: grace, handover: handover))
    }

    @Test("the second is refused while the first lives, by whatever name it calls the file, and is told who the first is")
    func second() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/data/roost.db"
            let first = try await Self.take(path)
            try FileManager.default.createSymbolicLink(atPath: folder + "/link.db", withDestinationPath: path)
            for name in [path, folder + "/link.db", folder + "/data/../data/roost.db"] {
                let error = await #expect(throws: DatabaseError.self) { _ = try await Self.take(name) }
                #expect(error?.code == .busy && error?.message.contains("(process \(getpid()))") == true, "\(name)")
            }
            let other = try await Self.take(path, kind: "another")
            let elsewhere = try await Self.take(folder + "/data/other.db")
            // It keeps nobody from the database itself.
            try await SQLiteDatabase.open(path: path).close()
            first.letGo()
            let third = try await Self.take(path)
            for holding in [third, other, elsewhere] { holding.letGo() }
        }
    }

    @Test("a successor waits for one that is ending, and for no other")
    func handover() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/roost.db"
            let first = try await Self.take(path)
            await #expect(throws: DatabaseError.self) { _ = try await Self.take(path, handover: .seconds(3600)) }
            first.announceEnd()
            await #expect(throws: DatabaseError.self) { _ = try await Self.take(path) }
            async let successor = Self.take(path, grace: .zero, handover: .seconds(60))
            first.letGo()
            try await successor.letGo()
        }
    }
}
