import Crypto
import Database
import JSON
import Model

/// The file format of backups, version 1. Numbers are big-endian.
///
/// `roostbackup\n`, the format's version (4 bytes), the length of the header (4 bytes) and the header (JSON), then records, each with one
/// byte that says which: `T` and a table's place in the header's list (2 bytes), for the rows that follow; `R` and one value for each of
/// the table's columns; `E` and the number of rows (8 bytes). Then the SHA-256 of everything before. A value is one byte for its
/// type and what that needs: nothing for null, 8 bytes for a number, a length (4 bytes) and that many bytes for texts and byte strings.
enum BackupFormat {
    static let magic = Array("roostbackup\n".utf8)
    static let version: UInt32 = 1

    enum Record {
        static let table = UInt8(ascii: "T")
        static let row = UInt8(ascii: "R")
        static let end = UInt8(ascii: "E")
    }

    enum ValueType {
        static let null = UInt8(ascii: "n")
        static let integer = UInt8(ascii: "i")
        static let real = UInt8(ascii: "r")
        static let text = UInt8(ascii: "t")
        static let blob = UInt8(ascii: "b")
    }
}

/// Writes the format to a sink, piece by piece.
struct BackupEncoder {
    private static let pieceBytes = 1 << 20

    private(set) var rowCount: UInt64 = 0
    private var buffer: [UInt8] = []
    private var hash = SHA256()
    private let sink: ([UInt8]) throws -> Void

    init(_ header: BackupHeader, sink: @escaping ([UInt8]) throws -> Void) throws {
        self.sink = sink
        let text = header.json.bytes()
        self.buffer = BackupFormat.magic
        self.append(BackupFormat.version)
        self.append(UInt32(text.count))
        self.buffer += text
        try self.flush()
    }

    mutating func begin(table index: Int) {
        self.buffer.append(BackupFormat.Record.table)
        self.append(UInt16(index))
    }

    mutating func append(_ row: DatabaseRow) throws {
        self.rowCount += 1
        self.buffer.append(BackupFormat.Record.row)
        for value in row.values { self.append(value) }
        if self.buffer.count >= Self.pieceBytes { try self.flush() }
    }

    mutating func finish() throws {
        self.buffer.append(BackupFormat.Record.end)
        self.append(self.rowCount)
        try self.flush()
        try self.sink(Array(self.hash.finalize()))
    }

    private mutating func append(_ value: DatabaseValue) {
        switch value {
        case .null: self.buffer.append(BackupFormat.ValueType.null)
        case .integer(let integer):
            self.buffer.append(BackupFormat.ValueType.integer)
            self.append(integer)
        case .real(let real):
            self.buffer.append(BackupFormat.ValueType.real)
            self.append(real.bitPattern)
        case .text(let text):
            self.buffer.append(BackupFormat.ValueType.text)
            self.append(UInt32(text.utf8.count))
            self.buffer += text.utf8
        case .blob(let bytes):
            self.buffer.append(BackupFormat.ValueType.blob)
            self.append(UInt32(bytes.count))
            self.buffer += bytes
        }
    }

    private mutating func append(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.bigEndian) { self.buffer += $0 }
    }

    private mutating func flush() throws {
        self.buffer.withUnsafeBytes { self.hash.update(bufferPointer: $0) }
        try self.sink(self.buffer)
        self.buffer.removeAll(keepingCapacity: true)
    }
}

/// Reads the format from a source, record by record, and checks the sum at the end.
struct BackupDecoder {
    enum Record {
        case table(Int)
        case row([DatabaseValue])
        case end
    }

    private(set) var header: BackupHeader
    private let limits: BackupLimits
    private let source: (_ maxCount: Int) throws -> [UInt8]
    private var buffer: ArraySlice<UInt8> = []
    private var hash = SHA256()
    private var columnCount: Int?
    private var rowCount: UInt64 = 0

    /// - Parameter source: Gives the next bytes, at most so many; none at the end.
    init(limits: BackupLimits, source: @escaping (_ maxCount: Int) throws -> [UInt8]) throws {
        self.limits = limits
        self.source = source
        // Set below; a value type cannot call its methods before.
        self.header = BackupHeader(version: "", createdAt: .init(microseconds: 0), migrations: [:], tables: [], vaultKeys: [])
        let magic = (try? self.take(BackupFormat.magic.count)) ?? []
        guard magic.elementsEqual(BackupFormat.magic) else { throw BackupError(.notABackup, "The file is no backup of Roost.") }
        guard try self.number(UInt32.self) == BackupFormat.version else {
            throw BackupError(.laterFormat, "A later version of Roost wrote this backup. Restore it with that version.")
        }
        let count = Int(try self.number(UInt32.self))
        guard count <= limits.maxHeaderBytes, let json = try? JSONValue(parsing: Array(try self.take(count))),
            let header = BackupHeader(json: json)
        else { throw BackupError.damaged }
        self.header = header
    }

    mutating func next() throws -> Record {
        switch try self.number(UInt8.self) {
        case BackupFormat.Record.table:
            let index = Int(try self.number(UInt16.self))
            guard self.header.tables.indices.contains(index) else { throw BackupError.damaged }
            self.columnCount = self.header.tables[index].columns.count
            return .table(index)
        case BackupFormat.Record.row:
            guard let columnCount else { throw BackupError.damaged }
            self.rowCount += 1
            return .row(try (0..<columnCount).map { _ in try self.value() })
        case BackupFormat.Record.end:
            guard try self.number(UInt64.self) == self.rowCount else { throw BackupError.damaged }
            try self.checkSum()
            return .end
        default: throw BackupError.damaged
        }
    }

    private mutating func checkSum() throws {
        let expected = Array(self.hash.finalize())
        guard try self.take(expected.count).elementsEqual(expected), self.buffer.isEmpty, try self.source(1).isEmpty else {
            throw BackupError.damaged
        }
    }

    private mutating func value() throws -> DatabaseValue {
        switch try self.number(UInt8.self) {
        case BackupFormat.ValueType.null: return .null
        case BackupFormat.ValueType.integer: return .integer(try self.number(Int64.self))
        case BackupFormat.ValueType.real: return .real(Double(bitPattern: try self.number(UInt64.self)))
        case BackupFormat.ValueType.text:
            guard let text = String(validating: try self.bytes(), as: UTF8.self) else { throw BackupError.damaged }
            return .text(text)
        case BackupFormat.ValueType.blob: return .blob(Array(try self.bytes()))
        default: throw BackupError.damaged
        }
    }

    private mutating func bytes() throws -> ArraySlice<UInt8> {
        let count = Int(try self.number(UInt32.self))
        guard count <= self.limits.maxValueBytes else { throw BackupError.damaged }
        return try self.take(count)
    }

    private mutating func number<Number: FixedWidthInteger>(_: Number.Type) throws -> Number {
        try self.take(Number.bitWidth / 8).reduce(0) { Number(truncatingIfNeeded: UInt64(truncatingIfNeeded: $0) << 8 | UInt64($1)) }
    }

    /// The next bytes, counted into the sum.
    private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
        while self.buffer.count < count {
            // What is asked for is only believed as far as the file has it.
            let more = try self.source(1 << 20)
            guard !more.isEmpty else { throw BackupError.damaged }
            if self.buffer.isEmpty { self.buffer = more[...] } else { self.buffer += more }
        }
        let taken = self.buffer.prefix(count)
        self.buffer = self.buffer.dropFirst(count)
        taken.withUnsafeBytes { self.hash.update(bufferPointer: $0) }
        return taken
    }
}
