import Database

/// A question across organizations: what must work before an organization is known, or for all of them at once.
///
/// Declared once, with a body for both databases. SQLite runs the body as a statement. PostgreSQL, which shows a service the rows of one
/// organization only, has a function of this name made from the same body by the migration: it runs with its owner's rights, is
/// declared read-only, and only the service's role may call it. What is then changed or shown is read again in the organization's
/// own scope.
struct Crossing: Sendable {
    /// The type of a value that goes in or comes out, as PostgreSQL calls it.
    enum ValueType: String, Sendable {
        case text = "TEXT"
        case integer = "BIGINT"
        case bytes = "BYTEA"
    }

    /// What a crossing may tell. There is no case for what people wrote: names, documents, outcomes.
    enum Meaning: Sendable {
        /// The identifier of an organization or of a row in it.
        case identifier
        /// What an authenticated caller may do, one of a few words.
        case role
        /// 0 or 1.
        case flag

        var type: ValueType {
            switch self {
            case .identifier, .role: .text
            case .flag: .integer
            }
        }
    }

    /// One column of the answer.
    struct Column: Sendable {
        let name: Statement
        let meaning: Meaning

        init(_ name: Statement, _ meaning: Meaning) {
            self.name = name
            self.meaning = meaning
        }
    }

    /// The function's name. With other parameters or columns it gets another name, so that older programs go on working.
    let name: Statement
    let parameters: [ValueType]
    let columns: [Column]
    /// A SELECT whose columns have exactly the declared types.
    let body: Statement
    /// The statement that asks on PostgreSQL.
    private let call: Statement

    init(_ name: Statement, _ parameters: [ValueType], _ columns: [Column], _ body: Statement) {
        precondition(parameters.count <= Self.places.count, "a crossing takes at most \(Self.places.count) values")
        self.name = name
        self.parameters = parameters
        self.columns = columns
        self.body = body
        let places = Self.list(Array(Self.places.prefix(parameters.count)))
        self.call = "SELECT \(Self.list(columns.map(\.name))) FROM \(name)(\(places))"
    }

    /// The statement that asks on a database.
    func statement(for dialect: Dialect) -> Statement {
        switch dialect {
        case .sqlite: self.body
        case .postgreSQL: self.call
        }
    }

    private static let places: [Statement] = ["$1", "$2", "$3", "$4"]

    private static func list(_ parts: [Statement]) -> Statement {
        parts.dropFirst().reduce(parts.first ?? "") { "\($0), \($1)" }
    }
}

extension StoreContext {
    /// Asks across organizations.
    func ask(_ crossing: Crossing, _ values: any DatabaseConvertible...) async throws -> [DatabaseRow] {
        try await self.installation.query(crossing.statement(for: self.database.dialect), values: values.map(\.databaseValue))
    }
}
