import GRDB

#if canImport(FoundationEssentials)
import FoundationEssentials
import Glibc
#else
import Darwin
import Foundation
#endif

/// One connection to the file, with its own thread of work. Whoever holds its lease is alone with it.
struct SQLiteHandle: Sendable {
    /// What a statement did.
    struct Outcome: Sendable {
        var rows: [DatabaseRow] = []
        var changeCount = 0
    }

    private let queue: DatabaseQueue

    init(file: SQLiteFile, isWriter: Bool, configuration: SQLiteConfiguration) throws {
        var settings = Configuration()
        settings.readonly = configuration.isReadOnly
        // Our transactions span several accesses: their bodies are asynchronous.
        settings.allowsUnsafeTransactions = true
        settings.busyMode = .callback(Self.busyHandler(timeout: configuration.busyTimeout))
        settings.prepareDatabase { connection in
            for pragma in Self.pragmas(isWriter: isWriter, configuration: configuration) {
                try connection.execute(sql: pragma)
            }
        }
        self.queue = try DatabaseQueue(path: file.path, configuration: settings)
    }

    /// Runs one statement that reads; cancelling the task interrupts it.
    func read(_ statement: RewrittenStatement, isFixed: Bool, values: [DatabaseValue]) async throws -> Outcome {
        try await self.translating {
            try await self.queue.unsafeRead { try Self.run(statement, isFixed: isFixed, values: values, isQuery: true, on: $0) }
        }
    }

    /// Runs one statement to its end whatever becomes of the task, unless `isValid` says otherwise when its turn has come.
    func write(
        _ statement: RewrittenStatement, isFixed: Bool, values: [DatabaseValue], isQuery: Bool,
        isValid: @escaping @Sendable () throws -> Void = {}
    ) async throws -> Outcome {
        try await self.perform { connection in
            try isValid()
            return try Self.run(statement, isFixed: isFixed, values: values, isQuery: isQuery, on: connection)
        }
    }

    /// Takes the write lock at once: a transaction that first read and then wrote could fail when another process wrote in between.
    func begin() async throws {
        try await self.perform { connection in
            // Left over only when an earlier rollback failed.
            if connection.isInsideTransaction { try connection.execute(sql: "ROLLBACK") }
            try connection.cachedStatement(sql: "BEGIN IMMEDIATE").execute()
        }
    }

    /// Begins a transaction that reads, and fixes what it sees.
    func beginSnapshot() async throws {
        try await self.perform { connection in
            if connection.isInsideTransaction { try connection.execute(sql: "ROLLBACK") }
            try connection.execute(sql: "BEGIN DEFERRED")
            // A deferred transaction sees what was committed when it first reads.
            _ = try Int.fetchOne(connection, sql: "SELECT COUNT(*) FROM sqlite_master")
        }
    }

    func commit() async throws {
        try await self.perform { try $0.cachedStatement(sql: "COMMIT").execute() }
    }

    /// Undoes an open transaction. SQLite has undone it already after some failures.
    func rollback() async {
        // A failure shows again, and is reported, when the next transaction begins.
        try? await self.perform { connection in
            if connection.isInsideTransaction { try connection.execute(sql: "ROLLBACK") }
        }
    }

    func close() async throws {
        let queue = self.queue
        try await self.translating { try await BlockingWork.run { try queue.close() } }
    }

    /// GRDB's own asynchronous access would interrupt a write when the task is cancelled, COMMIT and ROLLBACK too.
    private func perform<Result: Sendable>(_ body: @escaping @Sendable (GRDB.Database) throws -> Result) async throws -> Result {
        try await self.translating {
            try await withCheckedThrowingContinuation { continuation in
                self.queue.asyncWriteWithoutTransaction { connection in
                    continuation.resume(with: Swift.Result { try body(connection) })
                }
            }
        }
    }

    private func translating<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as GRDB.DatabaseError {
            if error.resultCode == .SQLITE_INTERRUPT { throw CancellationError() }
            throw DatabaseError(error)
        }
    }
}

extension SQLiteHandle {
    private static func run(
        _ statement: RewrittenStatement, isFixed: Bool, values: [DatabaseValue], isQuery: Bool, on connection: GRDB.Database
    ) throws -> Outcome {
        guard values.count == statement.parameterCount else {
            throw DatabaseError(
                code: .invalidStatement, message: "the statement takes \(statement.parameterCount) values and got \(values.count)")
        }
        guard values.allSatisfy({ !$0.holdsNUL }) else {
            throw DatabaseError(code: .invalidValue, message: "a text holds a NUL character, which cannot be stored")
        }
        do {
            // A cached statement keeps its last values, so that large ones are not given to it.
            let isCached = isFixed && values.allSatisfy { $0.byteCount <= Self.maxCachedValueBytes }
            let prepared = try isCached ? connection.cachedStatement(sql: statement.text) : connection.makeStatement(sql: statement.text)
            let arguments = StatementArguments(values.map(\.stored))
            guard isQuery else {
                try prepared.execute(arguments: arguments)
                return Outcome(changeCount: connection.changesCount)
            }
            var outcome = Outcome()
            let cursor = try Row.fetchCursor(prepared, arguments: arguments)
            while let row = try cursor.next() {
                outcome.rows.append(DatabaseRow(values: (0..<row.count).map { DatabaseValue(row[$0] as GRDB.DatabaseValue) }))
            }
            return outcome
        } catch let error as GRDB.DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
            throw DatabaseError(error, constraint: SQLiteConstraints.name(for: error, in: connection))
        }
    }

    private static let maxCachedValueBytes = 64 << 10

    private static func pragmas(isWriter: Bool, configuration: SQLiteConfiguration) -> [String] {
        // What a schema's text could call is reduced to harmless functions, should someone have tampered with the file.
        var pragmas = ["PRAGMA trusted_schema = OFF", "PRAGMA temp_store = MEMORY"]
        guard !configuration.isReadOnly else { return pragmas }
        pragmas += [
            "PRAGMA journal_mode = WAL",
            // In WAL mode NORMAL, the usual choice, syncs only at checkpoints: a power cut would take back transactions that were
            // acknowledged. FULL syncs the log before a commit returns.
            "PRAGMA synchronous = FULL",
            "PRAGMA journal_size_limit = \(64 << 20)",
        ]
        if let maxBytes = configuration.maxBytes { pragmas.append("PRAGMA max_page_count = \(max(1, maxBytes / 4096))") }
        if !isWriter { pragmas.append("PRAGMA query_only = ON") }
        return pragmas
    }

    /// Waits for another process in short, scattered steps. SQLite's own handler grows to steps of 100 ms, and a process that sleeps
    /// long never finds the lock free while others take it every few milliseconds.
    private static func busyHandler(timeout: Duration) -> @Sendable (Int) -> Bool {
        let (seconds, attoseconds) = timeout.components
        let limit = Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
        return { attempt in
            // Attempt n sleeps about min(n + 1, 10) ms; their sum so far is known without state.
            let elapsed = attempt < 10 ? attempt * (attempt + 1) / 2 : 55 + (attempt - 10) * 10
            guard elapsed < limit else { return false }
            usleep(UInt32(min(attempt + 1, 10)) * UInt32.random(in: 500...1500))
            return true
        }
    }
}

extension DatabaseValue {
    fileprivate var byteCount: Int {
        switch self {
        case .null, .integer, .real: 8
        case .text(let text): text.utf8.count
        case .blob(let bytes): bytes.count
        }
    }

    fileprivate var holdsNUL: Bool {
        if case .text(let text) = self { text.utf8.contains(0) } else { false }
    }

    fileprivate var stored: GRDB.DatabaseValue {
        switch self {
        case .null: .null
        case .integer(let integer): integer.databaseValue
        case .real(let real): real.databaseValue
        case .text(let text): text.databaseValue
        case .blob(let bytes): Data(bytes).databaseValue
        }
    }

    fileprivate init(_ stored: GRDB.DatabaseValue) {
        switch stored.storage {
        case .null: self = .null
        case .int64(let integer): self = .integer(integer)
        case .double(let real): self = .real(real)
        case .string(let text): self = .text(text)
        case .blob(let data): self = .blob([UInt8](data))
        }
    }
}
