import CMalloc
import Catalog
import Database
import Egress
import Foundation
import JSON
import Model
import OpenAPI
import Policies
import Store
import Vault

/// Searching among 100,000 tools, as `tools.search` of a program does, beside the full-text search of the database that holds them.
enum SearchBench {
    private static let toolCount = 100_000
    private static let rounds = 5

    /// Prints the rows of both databases; that of PostgreSQL belongs to whoever `url` names, who may make tables.
    static func run(folder: String, url: String) async throws {
        for count in [20, 1] {
            // Adding 100,000 tools is one transaction, which takes long where others use the machine.
            let patient = SQLiteConfiguration(transactionTimeout: .seconds(300))
            let sqlite = try await SQLiteDatabase.open(path: "\(folder)/search-\(count).db", configuration: patient)
            try await self.measure("SQLite", sqlite, integrationCount: count)
            try await sqlite.close()
            var configuration = try PostgreSQLConfiguration(url)
            configuration.transactionTimeout = .seconds(300)
            let postgres = try await PostgreSQLDatabase.open(configuration)
            try await self.measure("PostgreSQL", postgres, integrationCount: count)
            await postgres.close()
        }
    }

    private static func measure(_ name: String, _ database: any Database, integrationCount: Int) async throws {
        var limits = StoreLimits()
        limits.maxToolsPerIntegration = Self.toolCount
        let store = Store(database: database, limits: limits)
        try await store.migrate()
        let organization = try await store.organizations.create(name: "bench", slug: "bench-\(integrationCount)").id
        let account = try await store.accounts.create(in: organization, name: "agent")
        let principal = Principal(organization: organization, account: account.id, role: .agent, method: .apiKey(APIKeyID()))
        var tools = SearchTools()
        var integrations: [IntegrationID] = []
        for index in 0..<integrationCount {
            let draft = IntegrationDraft(
                slug: "\(tools.word(200 + index))-\(index)", kind: .openAPI, name: "Integration \(index)", description: "",
                config: JSONText(["authMethods": []]))
            let set = ToolSet(tools: tools.make(Self.toolCount / integrationCount))
            let record = try await store.integrations.add(draft, tools: set, in: organization)
            integrations.append(record.integration.id)
            _ = try await store.connections.add(
                ConnectionDraft(integration: record.integration.id, owner: .organization, account: nil, name: "main", method: "none"),
                secrets: [], in: organization)
        }
        let shape = "\(name), \(integrationCount) × \(Self.toolCount / integrationCount)"
        let subject = Subject(store: store, principal: principal)
        let yardstick = try await FullText.make(on: database, organization: organization)
        try await self.firstSearch(shape, subject, database)
        try await self.searches(shape, subject, tools, yardstick)
        try await self.change(shape, subject, integrations[integrationCount / 2], tools.make(Self.toolCount / integrationCount))
    }

    /// The first search of a process; beside it the rows alone, as the database gives them.
    private static func firstSearch(_ shape: String, _ subject: Subject, _ database: any Database) async throws {
        var (firsts, walls, rows, rowWalls): ([Double], [Double], [Double], [Double]) = ([], [], [], [])
        var bytes = 0
        for _ in 0..<Self.rounds {
            let before = Self.residentBytes()
            let fresh = Subject(store: subject.store, principal: subject.principal)
            let first = try await Self.time { _ = try await fresh.search("create") }
            bytes = max(0, Self.residentBytes() - before)
            let alone = try await Self.time { _ = try await FullText.readAll(database, subject.principal.organization) }
            firsts.append(first.cpu)
            walls.append(first.wall)
            rows.append(alone.cpu)
            rowWalls.append(alone.wall)
            withExtendedLifetime(fresh) {}
        }
        Self.print(
            "first search, \(shape)", (Timing.median(firsts), Timing.median(walls)), worst: walls.max() ?? 0, "reading the rows alone",
            (Timing.median(rows), Timing.median(rowWalls)))
        Swift.print("memory of the index, \(shape)\t\(bytes >> 20) MiB\t–\t–")
    }

    /// Searches thereafter.
    private static func searches(_ shape: String, _ subject: Subject, _ tools: SearchTools, _ yardstick: FullText) async throws {
        _ = try await subject.search("create")
        for (name, query) in tools.queries {
            var (ours, theirs): ([(cpu: Double, wall: Double)], [(cpu: Double, wall: Double)]) = ([], [])
            var found = 0
            for _ in 0..<Self.rounds {
                ours.append(try await Self.time { found = try await subject.search(query) })
                theirs.append(try await Self.time { _ = try await yardstick.search(query) })
            }
            Self.print(
                "search for \(name) (\(found) found), \(shape)",
                (Timing.median(ours.map(\.cpu)), Timing.median(ours.map(\.wall))), worst: ours.map(\.wall).max() ?? 0, yardstick.name,
                (Timing.median(theirs.map(\.cpu)), Timing.median(theirs.map(\.wall))))
        }
    }

    /// The search that comes right after one integration was read anew.
    private static func change(
        _ shape: String, _ subject: Subject, _ integration: IntegrationID, _ tools: [ToolDraft]
    ) async throws {
        var times: [(cpu: Double, wall: Double)] = []
        for _ in 0..<3 {
            try await subject.store.tools.replace(ToolSet(tools: tools), of: integration, in: subject.principal.organization)
            times.append(try await Self.time { _ = try await subject.search("create") })
        }
        let walls = times.map(\.wall)
        Swift.print(
            "search after one integration changed, \(shape)\t\(Self.text((Timing.median(times.map(\.cpu)), Timing.median(walls)))),"
                + " worst \(Self.milliseconds(walls.max() ?? 0))\t–\t–")
    }

    private static func time(_ body: () async throws -> Void) async throws -> (cpu: Double, wall: Double) {
        let (cpu, start) = (Timing.processTime(), ContinuousClock.now)
        try await body()
        let wall = start.duration(to: .now).components
        return (Timing.processTime() - cpu, Double(wall.seconds) + Double(wall.attoseconds) / 1e18)
    }

    private static func print(
        _ what: String, _ ours: (cpu: Double, wall: Double), worst: Double, _ yardstick: String, _ theirs: (cpu: Double, wall: Double)
    ) {
        Swift.print(
            "\(what)\t\(Self.text(ours)), worst \(Self.milliseconds(worst))\t\(yardstick): \(Self.text(theirs))"
                + "\t\(Report.text(ours.wall / theirs.wall))")
    }

    private static func text(_ time: (cpu: Double, wall: Double)) -> String {
        "\(Self.milliseconds(time.cpu)) CPU, \(Self.milliseconds(time.wall)) wall"
    }

    private static func milliseconds(_ seconds: Double) -> String { "\(Report.text(seconds * 1000)) ms" }

    private static func residentBytes() -> Int {
        // Memory that was freed is still the process's until it is given back.
        malloc_trim(0)
        let fields = ((try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? "").split(separator: " ")
        return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}

/// A process that searches: its catalog, and who asks.
private struct Subject {
    let store: Store
    let principal: Principal
    private let catalog: Catalog

    init(store: Store, principal: Principal) {
        self.store = store
        self.principal = principal
        self.catalog = Catalog(store: store, vault: NoSecrets(), upstream: Nowhere(), builtIn: nil)
    }

    /// How many tools were found. The revision is read for each search, as it is by programs.
    func search(_ query: String) async throws -> Int {
        let revision = try await self.store.organizations.revision(of: self.principal.organization) ?? 0
        return try await self.catalog.search(
            ToolSearch(query: query), principal: self.principal, revision: revision, policies: .empty
        ).total
    }
}

/// No tool is called here.
private struct Nowhere: UpstreamSending {
    func send(_ request: EgressRequest) async throws(EgressError) -> EgressResponse { fatalError("nothing is called") }
}

/// No tool has credentials here.
private struct NoSecrets: SecretSealing {
    func seal(_: Secret, name: String, of: ConnectionID, in: OrganizationID) async throws -> SealedSecret { fatalError("no secrets") }

    func seal(_: SecretReference, name: String, of: ConnectionID, in: OrganizationID) async throws -> SealedSecret {
        fatalError("no secrets")
    }

    func open(_: SealedSecret, of: ConnectionID, in: OrganizationID) async throws -> Secret { fatalError("no secrets") }
}

/// What the database itself offers: names and descriptions of the same tools in a full-text index, the best twelve and their number.
private struct FullText {
    let name: String
    private let database: any Database
    private let organization: OrganizationID

    static func make(on database: any Database, organization: OrganizationID) async throws -> FullText {
        let connection = database.connection(in: .organization(organization))
        switch database.dialect {
        case .sqlite:
            try await connection.execute("CREATE VIRTUAL TABLE bench_words USING fts5(name, description)")
            try await connection.execute("INSERT INTO bench_words SELECT name, description FROM tools")
            return FullText(name: "SQLite's FTS5", database: database, organization: organization)
        case .postgreSQL:
            try await connection.execute("DROP TABLE IF EXISTS bench_words")
            try await connection.execute(
                """
                CREATE TABLE bench_words AS SELECT name, description,
                    to_tsvector('simple', replace(name, '.', ' ') || ' ' || description) AS words
                FROM tools WHERE organization_id = $1
                """, organization)
            try await connection.execute("CREATE INDEX bench_words_words ON bench_words USING gin (words)")
            try await connection.execute("ANALYZE bench_words")
            return FullText(name: "PostgreSQL's tsvector", database: database, organization: organization)
        }
    }

    func search(_ query: String) async throws -> Int {
        let connection = self.database.connection(in: .organization(self.organization))
        switch self.database.dialect {
        case .sqlite:
            let words = query.split(separator: " ").map { "\"\($0)\"*" }.joined(separator: " ")
            return try await connection.query(
                "SELECT name, description, COUNT(*) OVER () FROM bench_words WHERE bench_words MATCH $1 ORDER BY rank LIMIT 12", words
            ).count
        case .postgreSQL:
            let words = query.split(separator: " ").map { "\($0):*" }.joined(separator: " & ")
            return try await connection.query(
                """
                SELECT name, description, COUNT(*) OVER () FROM bench_words, to_tsquery('simple', $1) q
                WHERE words @@ q ORDER BY ts_rank(words, q) DESC LIMIT 12
                """, words
            ).count
        }
    }

    /// All rows that an index is made of.
    static func readAll(_ database: any Database, _ organization: OrganizationID) async throws -> Int {
        try await database.connection(in: .organization(organization)).query(
            "SELECT integration_id, name, description, effect FROM tools WHERE organization_id = $1 ORDER BY integration_id, name",
            organization
        ).count
    }
}
