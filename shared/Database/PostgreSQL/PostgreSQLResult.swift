import CPostgres

/// What the server answered to one statement.
///
/// `@unchecked Sendable`: libpq has finished with a result when it hands it out; from then on nothing writes to it, this object alone
/// frees it, and libpq's reading functions touch nothing but the result.
final class PostgreSQLResult: @unchecked Sendable {
    /// The parts of an error report that are read; libpq's header defines them as macros, which Swift does not see.
    enum ErrorField: UInt8 {
        case sqlState = 0x43  // C
        case message = 0x4D  // M
        case constraint = 0x6E  // n
        case table = 0x74  // t
        case column = 0x63  // c
        case sourceFunction = 0x52  // R
    }

    private let result: OpaquePointer

    /// Takes ownership.
    init(_ result: OpaquePointer) { self.result = result }

    deinit { PQclear(self.result) }

    var status: ExecStatusType { PQresultStatus(self.result) }

    /// The command as the server names it: `COMMIT`, `INSERT 0 1`.
    var command: String { String(cString: PQcmdStatus(self.result)) }

    /// How many rows were inserted, changed or removed.
    var changeCount: Int {
        let status = self.command
        guard !status.hasPrefix("SELECT"), !status.hasPrefix("SHOW") else { return 0 }
        return Int(String(cString: PQcmdTuples(self.result))) ?? 0
    }

    /// All rows, from the binary form.
    func rows() throws(DatabaseError) -> [DatabaseRow] {
        let columnCount = PQnfields(self.result)
        let types = (0..<columnCount).map { PQftype(self.result, $0) }
        let rowCount = PQntuples(self.result)
        var rows: [DatabaseRow] = []
        rows.reserveCapacity(Int(rowCount))
        for row in 0..<rowCount {
            var values: [DatabaseValue] = []
            values.reserveCapacity(types.count)
            for column in 0..<columnCount {
                values.append(try self.value(row, column, type: types[Int(column)]))
            }
            rows.append(DatabaseRow(values: values))
        }
        return rows
    }

    /// A part of an error report.
    func errorField(_ field: ErrorField) -> String? {
        PQresultErrorField(self.result, Int32(field.rawValue)).map { String(cString: $0) }
    }

    private func value(_ row: Int32, _ column: Int32, type: Oid) throws(DatabaseError) -> DatabaseValue {
        guard PQgetisnull(self.result, row, column) == 0, let start = PQgetvalue(self.result, row, column) else { return .null }
        let bytes = UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(self.result, row, column)))
        guard let value = DatabaseValue(binary: bytes, type: type) else {
            throw DatabaseError(
                code: .unexpectedValue,
                message: "column \(column + 1) has PostgreSQL's type number \(type), which Roost does not use; cast it in the statement")
        }
        return value
    }
}

extension DatabaseValue {
    /// Reads PostgreSQL's binary form; nil for a type that Roost's statements do not give.
    ///
    /// Truth values become 0 and 1, and whole numbers integers whatever their width, as they are in SQLite.
    init?(binary bytes: UnsafeRawBufferPointer, type: Oid) {
        switch type {
        case PostgreSQLType.integer8 where bytes.count == 8:
            self = .integer(Int64(bigEndian: bytes.loadUnaligned(as: Int64.self)))
        case PostgreSQLType.text, PostgreSQLType.boundedText, PostgreSQLType.paddedText, PostgreSQLType.name, PostgreSQLType.unknown,
            PostgreSQLType.character:
            self = .text(String(decoding: bytes, as: UTF8.self))
        case PostgreSQLType.bytes: self = .blob(Array(bytes))
        case PostgreSQLType.real8 where bytes.count == 8:
            self = .real(Double(bitPattern: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))))
        case PostgreSQLType.real4 where bytes.count == 4:
            self = .real(Double(Float(bitPattern: UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self)))))
        case PostgreSQLType.integer4 where bytes.count == 4:
            self = .integer(Int64(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self))))
        case PostgreSQLType.integer2 where bytes.count == 2:
            self = .integer(Int64(Int16(bigEndian: bytes.loadUnaligned(as: Int16.self))))
        case PostgreSQLType.objectID where bytes.count == 4:
            self = .integer(Int64(UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self))))
        case PostgreSQLType.boolean where bytes.count == 1: self = .integer(bytes[0] == 0 ? 0 : 1)
        case PostgreSQLType.numeric:
            guard let number = PostgreSQLNumeric(binary: bytes) else { return nil }
            self = number.value
        case PostgreSQLType.void: self = .null
        default: return nil
        }
    }
}

/// PostgreSQL's NUMERIC, which `SUM` of BIGINT gives: decimal digits in groups of four.
private struct PostgreSQLNumeric {
    /// A whole number if it has no decimals and fits, as SQLite would give; else the nearest floating point number.
    let value: DatabaseValue

    init?(binary bytes: UnsafeRawBufferPointer) {
        func word(_ index: Int) -> UInt16 { UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)) }
        guard bytes.count >= 8, bytes.count == 8 + Int(word(0)) * 2 else { return nil }
        let groups = (0..<Int(word(0))).map { Int64(word(4 + $0)) }
        let weight = Int(Int16(bitPattern: word(1)))
        let scale = word(3)
        let sign: String
        switch word(2) {
        case 0x0000: sign = ""
        case 0x4000: sign = "-"
        case 0xC000:
            self.value = .real(.nan)
            return
        case 0xD000:
            self.value = .real(.infinity)
            return
        case 0xF000:
            self.value = .real(-.infinity)
            return
        default: return nil
        }
        // Group i stands for group × 10000^(weight - i).
        var text = sign
        for group in groups {
            let digits = String(group)
            text += String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        }
        if groups.isEmpty { text += "0" }
        let exponent = groups.isEmpty ? 0 : (weight - groups.count + 1) * 4
        let whole = exponent >= 0 ? Int64(text + String(repeating: "0", count: exponent)) : nil
        if scale == 0, let whole {
            self.value = .integer(whole)
        } else if let real = Double("\(text)e\(exponent)") {
            self.value = .real(real)
        } else {
            return nil
        }
    }
}
