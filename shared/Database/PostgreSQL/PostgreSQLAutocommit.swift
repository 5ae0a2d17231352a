import Model

/// Statements that each commit alone, on connections shared with others.
struct PostgreSQLAutocommit: DatabaseConnection {
    let database: PostgreSQLDatabase
    let scope: DatabaseScope

    func query(_ statement: Statement, values: [DatabaseValue]) async throws -> [DatabaseRow] {
        let prepared = try self.prepare(statement, values)
        if !prepared.isReading { OpenTransactions.preconditionNone(on: self.database) }
        return try await self.run(prepared).rows()
    }

    func execute(_ statement: Statement, values: [DatabaseValue]) async throws -> Int {
        let prepared = try self.prepare(statement, values)
        OpenTransactions.preconditionNone(on: self.database)
        return try await self.run(prepared).changeCount
    }

    private struct Prepared {
        let sql: String
        let parameters: PostgreSQLParameters
        let role: PostgreSQLRequest.Role
        let isReading: Bool
    }

    private func prepare(_ statement: Statement, _ values: [DatabaseValue]) throws -> Prepared {
        let rewritten = try self.database.statements.rewrite(statement)
        return Prepared(
            sql: rewritten.text, parameters: try rewritten.parameters(values),
            role: PostgreSQLRequest.Role(isShared: true, isPrepared: statement.isFixed, organization: self.scope.organization),
            isReading: rewritten.isReading)
    }

    /// A statement that was never sent goes to another connection. One that was sent and got no answer may have been carried out: one
    /// that reads is sent once more, one that writes is not. One that reads and queues behind a slow one does so elsewhere.
    private func run(_ prepared: Prepared) async throws -> PostgreSQLResult {
        var attemptsLeft = 4
        var mayRepeat = prepared.isReading
        while true {
            attemptsLeft -= 1
            let link = try await self.database.pool.lease(.shared)
            var role = prepared.role
            role.isMovable = prepared.isReading && attemptsLeft > 0
            do {
                return try await link.perform(prepared.sql, prepared.parameters, role: role)
            } catch PostgreSQLLinkError.notSent(let error), PostgreSQLLinkError.overtaken(let error) {
                guard attemptsLeft > 0, error.code != .closed else { throw error }
            } catch PostgreSQLLinkError.lost(let error) {
                guard mayRepeat, attemptsLeft > 0, error.code != .closed else {
                    throw prepared.isReading ? error : Self.unknownOutcome(error)
                }
                mayRepeat = false
            }
        }
    }

    private static func unknownOutcome(_ error: DatabaseError) -> DatabaseError {
        DatabaseError(
            code: .unavailable, message: "\(error.message); whether the write happened is not known", sqlState: error.sqlState,
            isOutcomeUnknown: true)
    }
}

extension DatabaseScope {
    /// What `roost.organization` is set to; nil for the installation.
    var organization: String? {
        switch self {
        case .organization(let id): id.rawValue
        case .installation: nil
        }
    }
}

extension RewrittenStatement {
    /// The values in binary form, if there are as many as the statement takes.
    func parameters(_ values: [DatabaseValue]) throws(DatabaseError) -> PostgreSQLParameters {
        guard values.count == self.parameterCount else {
            throw DatabaseError(
                code: .invalidStatement, message: "the statement takes \(self.parameterCount) values and got \(values.count)")
        }
        return try PostgreSQLParameters(values)
    }
}
