package import Database
import Store

/// A PostgreSQL database as an installation has it: its tables belong to one role, the services connect as another.
package struct TestInstallation: Sendable {
    package let server: TestPostgres
    package let database: String

    /// The role that owns the database and its tables.
    package static let owner = "roost_test_owner"
    /// The role that services connect as.
    package static let service = Store.defaultServiceRole

    /// Connects as the role that migrates.
    package var ownerURL: String { self.server.url(database: self.database, user: Self.owner) }
    /// Connects as the role that services have.
    package var serviceURL: String { self.server.url(database: self.database, user: Self.service) }
    /// Connects as the server's superuser.
    package var superuserURL: String { self.server.url(database: self.database) }

    /// Runs `body` with a connection of its own, and closes it.
    package func withDatabase<Result>(_ url: String, _ body: (any Database) async throws -> Result) async throws -> Result {
        var configuration = try PostgreSQLConfiguration(url)
        // Many tests run at the same time and share the server's connections.
        configuration.softConnections = 2
        configuration.hardConnections = 4
        let database = try await PostgreSQLDatabase.open(configuration)
        do {
            let result = try await body(database)
            await database.close()
            return result
        } catch {
            await database.close()
            throw error
        }
    }
}

/// Runs `body` with a PostgreSQL database of its own, up to date unless `isMigrated` is false, in which case it is empty; it is gone
/// afterwards.
package func withPostgreSQLInstallation<Result>(
    isMigrated: Bool = true, _ body: (TestInstallation) async throws -> Result
) async throws -> Result {
    let installation = try await InstallationTemplate.instance.copy(isMigrated: isMigrated)
    do {
        let result = try await body(installation)
        try await installation.server.drop(installation.database)
        return result
    } catch {
        try? await installation.server.drop(installation.database)
        throw error
    }
}

/// Migrates one database and copies it for each test, which takes a fraction of the time.
private actor InstallationTemplate {
    static let instance = InstallationTemplate()

    private var making: Task<TestInstallation, any Error>?
    private var count = 0

    func copy(isMigrated: Bool) async throws -> TestInstallation {
        let making = self.making ?? Task { try await Self.make() }
        self.making = making
        let template = try await making.value
        self.count += 1
        let copy = TestInstallation(server: template.server, database: "\(template.database)_\(self.count)")
        try await template.server.administer(
            """
            CREATE DATABASE \(copy.database) OWNER \(TestInstallation.owner)
            TEMPLATE \(isMigrated ? template.database : "template0") STRATEGY wal_log
            """)
        return copy
    }

    private static func make() async throws -> TestInstallation {
        let server = try await TestPostgres.shared()
        for role in [TestInstallation.owner, TestInstallation.service] {
            try await server.administer("CREATE ROLE \(role) LOGIN NOSUPERUSER NOCREATEROLE NOBYPASSRLS")
        }
        let template = TestInstallation(server: server, database: "installation")
        try await server.administer(
            "CREATE DATABASE \(template.database) OWNER \(TestInstallation.owner) TEMPLATE template0 STRATEGY wal_log")
        // The connection is closed before anything copies the database, which admits no other.
        _ = try await template.withDatabase(template.ownerURL) { try await Store(database: $0).migrate() }
        return template
    }
}
