import TestSupport
import Testing

@testable import Database

/// The databases that the contract is proved on.
enum DatabaseKind: String, Sendable, CaseIterable, CustomTestStringConvertible {
    case sqlite = "SQLite"
    case postgreSQL = "PostgreSQL"

    /// Those that are here; without PostgreSQL the tests on it are skipped aloud, or fail in CI.
    static var all: [DatabaseKind] { TestPostgres.isExpected ? self.allCases : [.sqlite] }

    var testDescription: String { self.rawValue }

    /// How long statements and transactions wait for their turn. The contract says what they do when it comes, not how soon that is on a
    /// busy machine.
    private static let patience = Duration.seconds(240)
    private static let patientSQLite = SQLiteConfiguration(busyTimeout: patience)

    private static func makePatient(_ configuration: inout PostgreSQLConfiguration) {
        configuration.waitTimeout = self.patience
        configuration.maxTransactionAttempts = 1000
    }

    /// Runs `body` with an empty database.
    func withDatabase<Result>(
        clock: any Clock<Duration> = ContinuousClock(), _ body: (any ClosableDatabase) async throws -> Result
    ) async throws -> Result {
        switch self {
        case .sqlite:
            try await withTemporaryFolder { folder in
                let database = try await SQLiteDatabase.open(
                    path: folder + "/roost.db", configuration: Self.patientSQLite, clock: clock)
                do {
                    let result = try await body(database)
                    try await database.close()
                    return result
                } catch {
                    try? await database.close()
                    throw error
                }
            }
        case .postgreSQL:
            try await withTemporaryPostgreSQL(clock: clock) {
                Self.makePatient(&$0)
            } _: {
                try await body($0)
            }
        }
    }

    /// Runs `body` with the means to open one and the same empty place several times; it closes what it opens.
    func withPlace<Result>(_ body: (@escaping @Sendable () async throws -> any ClosableDatabase) async throws -> Result) async throws
        -> Result
    {
        switch self {
        case .sqlite:
            return try await withTemporaryFolder { folder in
                try await body { try await SQLiteDatabase.open(path: folder + "/roost.db", configuration: Self.patientSQLite) }
            }
        case .postgreSQL:
            let server = try await TestPostgres.shared()
            let name = try await server.makeDatabase()
            var patient = try PostgreSQLConfiguration(server.url(database: name))
            Self.makePatient(&patient)
            let configuration = patient
            let result = try await body { try await PostgreSQLDatabase.open(configuration) }
            try await server.drop(name)
            return result
        }
    }
}

/// A database that a test can close.
protocol ClosableDatabase: Database {
    func close() async throws
}

extension SQLiteDatabase: ClosableDatabase {}
extension PostgreSQLDatabase: ClosableDatabase {}

/// The number of rows in the table `t`.
func count(_ connection: any DatabaseConnection) async throws -> Int {
    var reader = try await connection.query("SELECT COUNT(*) FROM t")[0].reader()
    return try reader.next()
}

/// Expects a ``DatabaseError``.
func expect<Result>(
    _ code: DatabaseError.Code, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Result
) async {
    do {
        _ = try await body()
        Issue.record("expected \(code)", sourceLocation: sourceLocation)
    } catch let error as DatabaseError {
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
    } catch {
        Issue.record("expected \(code), got \(error)", sourceLocation: sourceLocation)
    }
}

/// Expects a ``DatabaseError`` of a constraint, which does not show the word "hush".
func expect<Result>(
    _ code: DatabaseError.Code, _ constraint: String?, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Result
) async {
    do {
        _ = try await body()
        Issue.record("expected \(code)", sourceLocation: sourceLocation)
    } catch let error as DatabaseError {
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
        #expect(error.constraint == constraint, "\(error)", sourceLocation: sourceLocation)
        #expect(!"\(error)".contains("hush"), sourceLocation: sourceLocation)
    } catch {
        Issue.record("expected \(code), got \(error)", sourceLocation: sourceLocation)
    }
}
