package import Database

/// Runs `body` with an empty PostgreSQL database on the server that the tests share; it is gone afterwards.
package func withTemporaryPostgreSQL<Result>(
    clock: any Clock<Duration> = ContinuousClock(), configure: (inout PostgreSQLConfiguration) -> Void = { _ in },
    _ body: (PostgreSQLDatabase) async throws -> Result
) async throws -> Result {
    try await withTemporaryPostgreSQL(on: TestPostgres.shared(), clock: clock, configure: configure, body)
}

/// Runs `body` with an empty PostgreSQL database on a certain server; it is gone afterwards.
package func withTemporaryPostgreSQL<Result>(
    on server: TestPostgres, clock: any Clock<Duration> = ContinuousClock(), configure: (inout PostgreSQLConfiguration) -> Void = { _ in },
    _ body: (PostgreSQLDatabase) async throws -> Result
) async throws -> Result {
    let name = try await server.makeDatabase()
    var configuration = try PostgreSQLConfiguration(server.url(database: name))
    // Tests hold transactions open while they look at what others do, for as long as a busy machine takes.
    configuration.silentTransactionTimeout = configuration.transactionTimeout
    configure(&configuration)
    let database = try await PostgreSQLDatabase.open(configuration, clock: clock)
    do {
        let result = try await body(database)
        await database.close()
        try await server.drop(name)
        return result
    } catch {
        await database.close()
        try? await server.drop(name)
        throw error
    }
}
