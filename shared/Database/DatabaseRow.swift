/// One row of a result, its values in the order of the statement's columns.
///
/// Rows are read by position, from left to right, through ``RowReader``: a record keeps its column list right beside the initialiser
/// that reads it, and no column name is looked up for each value.
package struct DatabaseRow: Sendable, Hashable {
    /// The values, one per column.
    package let values: [DatabaseValue]

    package init(values: [DatabaseValue]) { self.values = values }

    /// Starts reading at the first column.
    package func reader() -> RowReader { RowReader(values: self.values) }
}

/// Reads a row's columns one after another.
package struct RowReader {
    private let values: [DatabaseValue]
    private var position = 0

    init(values: [DatabaseValue]) { self.values = values }

    /// The next column's value as the type that the caller stores it in.
    ///
    /// Throws ``DatabaseError`` with code `unexpectedValue` when there is no further column or the value is not one of that type:
    /// either the statement does not fit its reader, or the database holds what no version of Roost wrote.
    package mutating func next<Value: DatabaseConvertible>(_: Value.Type = Value.self) throws(DatabaseError) -> Value {
        guard self.position < self.values.count else {
            throw DatabaseError(code: .unexpectedValue, message: "a row has \(self.values.count) columns, its reader wants more")
        }
        let value = self.values[self.position]
        self.position += 1
        guard let converted = Value(databaseValue: value) else {
            throw DatabaseError(
                code: .unexpectedValue, message: "column \(self.position) holds \(value.typeName), which is not a valid \(Value.self)")
        }
        return converted
    }
}
