import Synchronization

/// Remembers how fixed statements are spelled in one dialect. Holds at most as many as the program's source has.
final class StatementCache: Sendable {
    private let dialect: Dialect
    private let rewritten = Mutex<[String: RewrittenStatement]>([:])

    init(dialect: Dialect) { self.dialect = dialect }

    func rewrite(_ statement: Statement) throws(DatabaseError) -> RewrittenStatement {
        guard statement.isFixed else { return try StatementRewriter.rewrite(statement, for: self.dialect) }
        if let known = self.rewritten.withLock({ $0[statement.text] }) { return known }
        let rewritten = try StatementRewriter.rewrite(statement, for: self.dialect)
        self.rewritten.withLock { $0[statement.text] = rewritten }
        return rewritten
    }
}
