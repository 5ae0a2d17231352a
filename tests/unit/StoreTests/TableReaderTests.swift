import Database
import Model
import TestSupport
import Testing

@testable import Store

@Suite("Tables are read in steps", .timeLimit(.minutes(2)))
struct TableReaderTests {
    /// Notes how many rows each statement measures, and how many bytes of text each one reads.
    private struct Watched: DatabaseConnection {
        let connection: any DatabaseConnection
        let measured = Recorder<Int>()
        let steps = Recorder<(rows: Int, bytes: Int)>()

        func query(_ statement: Statement, values: [DatabaseValue]) async throws -> [DatabaseRow] {
            let rows = try await self.connection.query(statement, values: values)
            if statement.text.contains("LENGTH(") {
                self.measured.record(rows.count)
            } else {
                let bytes = rows.flatMap(\.values).reduce(0) { sum, value in
                    if case .text(let text) = value { sum + text.utf8.count } else { sum }
                }
                self.steps.record((rows.count, bytes))
            }
            return rows
        }

        func execute(_ statement: Statement, values: [DatabaseValue]) async throws -> Int {
            try await self.connection.execute(statement, values: values)
        }
    }

    @Test("each row is measured once, in bytes, however small the steps are", arguments: TestStoreKind.all)
    func measured(_ kind: TestStoreKind) async throws {
        try await withMigratedDatabase(kind) { database in
            let store = Store(database: database)
            let organization = try await store.organizations.create(name: "Acme", slug: "acme").id
            // 200 bytes, 50 characters.
            let name = String(repeating: "🔑", count: 50)
            for _ in 0..<23 { _ = try await store.accounts.create(in: organization, name: name) }
            let table = try #require(Schema.allTables.first { $0.name == "accounts" })
            for (maxRows, maxBytes) in [(500, 600), (10, 600), (10, 1), (4, 1 << 20)] {
                var limits = BackupLimits()
                limits.maxRowsPerStep = maxRows
                limits.maxBytesPerStep = maxBytes
                let watched = Watched(connection: database.connection(in: .organization(organization)))
                var rows: [DatabaseRow] = []
                try await TableReader(table, limits: limits, dialect: database.dialect)
                    .forEach(in: organization, on: watched) { rows.append($0) }
                #expect(rows.count == 23 && Set(rows).count == 23)
                #expect(watched.measured.elements.reduce(0, +) == 23, "\(maxRows) rows, \(maxBytes) bytes")
                #expect(watched.steps.elements.allSatisfy { $0.rows == 1 || ($0.bytes <= maxBytes && $0.rows <= maxRows) })
                #expect(watched.steps.elements.count <= (maxBytes == 1 ? 23 : 14))
            }
        }
    }
}
