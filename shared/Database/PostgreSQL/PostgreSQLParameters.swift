import CPostgres

/// A statement's values in PostgreSQL's binary form.
struct PostgreSQLParameters: Sendable {
    /// The type of each value; 0, for the server to find out, where it is NULL.
    let types: [Oid]
    /// All values one after another, and one more byte so that there is always something to point at.
    private let bytes: [UInt8]
    /// Where each value lies; nil for NULL.
    private let ranges: [Range<Int>?]

    /// PostgreSQL takes messages, with all values in them, up to a gigabyte.
    private static let maxByteCount = 1_000_000_000

    /// Throws `invalidValue` for a text with a NUL character, which PostgreSQL cannot store, and `tooBig` beyond a gigabyte.
    init(_ values: [DatabaseValue]) throws(DatabaseError) {
        var types: [Oid] = []
        var bytes: [UInt8] = []
        var ranges: [Range<Int>?] = []
        types.reserveCapacity(values.count)
        ranges.reserveCapacity(values.count)
        let byteCount = values.reduce(1) { $0 + $1.binaryByteCount }
        guard byteCount <= Self.maxByteCount else {
            throw DatabaseError(code: .tooBig, message: "a statement's values take at most a gigabyte")
        }
        bytes.reserveCapacity(byteCount)
        for value in values {
            let start = bytes.count
            switch value {
            case .null: break
            case .integer(let integer): Self.append(UInt64(bitPattern: integer), to: &bytes)
            case .real(let real): Self.append(real.bitPattern, to: &bytes)
            case .text(let text):
                bytes.append(contentsOf: text.utf8)
                guard !bytes[start...].contains(0) else {
                    throw DatabaseError(code: .invalidValue, message: "a text holds a NUL character, which cannot be stored")
                }
            case .blob(let blob): bytes.append(contentsOf: blob)
            }
            types.append(value.typeID)
            ranges.append(value == .null ? nil : start..<bytes.count)
        }
        bytes.append(0)
        self.types = types
        self.bytes = bytes
        self.ranges = ranges
    }

    private init() {
        self.types = []
        self.bytes = [0]
        self.ranges = []
    }

    /// No values at all.
    static let none = PostgreSQLParameters()

    var count: Int { self.ranges.count }

    /// Lends the arrays that libpq takes: count, values, lengths, formats.
    func withArguments<Result>(
        _ body: (Int32, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?) -> Result
    ) -> Result {
        guard !self.ranges.isEmpty else { return body(0, nil, nil, nil) }
        return self.bytes.withUnsafeBytes { bytes in
            let pointers = self.ranges.map { range in
                range.flatMap { bytes.baseAddress?.advanced(by: $0.lowerBound).assumingMemoryBound(to: CChar.self) }
            }
            let lengths = self.ranges.map { Int32($0?.count ?? 0) }
            let formats = [Int32](repeating: 1, count: self.ranges.count)
            return body(Int32(self.ranges.count), pointers, lengths, formats)
        }
    }

    private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }
}

/// The types of PostgreSQL that Roost's statements take and give: their numbers in `pg_type`, which never change.
enum PostgreSQLType {
    static let boolean: Oid = 16
    static let bytes: Oid = 17
    static let character: Oid = 18
    static let name: Oid = 19
    static let integer8: Oid = 20
    static let integer2: Oid = 21
    static let integer4: Oid = 23
    static let text: Oid = 25
    static let objectID: Oid = 26
    static let real4: Oid = 700
    static let real8: Oid = 701
    static let unknown: Oid = 705
    static let paddedText: Oid = 1042
    static let boundedText: Oid = 1043
    static let numeric: Oid = 1700
    static let void: Oid = 2278
}

extension DatabaseValue {
    fileprivate var typeID: Oid {
        switch self {
        case .null: 0
        case .integer: PostgreSQLType.integer8
        case .real: PostgreSQLType.real8
        case .text: PostgreSQLType.text
        case .blob: PostgreSQLType.bytes
        }
    }

    fileprivate var binaryByteCount: Int {
        switch self {
        case .null: 0
        case .integer, .real: 8
        case .text(let text): text.utf8.count
        case .blob(let bytes): bytes.count
        }
    }
}
