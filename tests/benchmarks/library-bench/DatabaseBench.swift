import Database
import Foundation
import Model

/// One measurement of the PostgreSQL driver, which `bench.py` takes turns with others.
struct DatabaseBench {
    /// What is asked again and again.
    enum Question: String {
        /// A trivial statement, outside of any organization.
        case statement
        /// The same statement for an organization, which PostgreSQL is told of first.
        case scoped
        /// A policy of an organization by its primary key, among those that `bench.py` has written.
        case row
    }

    let url: String
    let question: Question
    let callers: Int
    let seconds: Int

    /// - Parameter arguments: the connection string, the question, the number of callers, and for how many seconds they ask.
    init?(_ arguments: [String]) {
        guard arguments.count == 4, let question = Question(rawValue: arguments[1]), let callers = Int(arguments[2]),
            let seconds = Int(arguments[3])
        else { return nil }
        self.url = arguments[0]
        self.question = question
        self.callers = callers
        self.seconds = seconds
    }

    /// Prints how many statements were answered, in how many seconds, the seconds of CPU time that this process used for it, and how many
    /// were answered before, to warm up.
    func run() async throws {
        let database = try await PostgreSQLDatabase.open(PostgreSQLConfiguration(self.url))
        let (warmUp, _, _) = try await self.measure(database, for: .milliseconds(300))
        let (count, time, cpu) = try await self.measure(database, for: .seconds(self.seconds))
        print("\(count)\t\(time)\t\(cpu)\t\(warmUp)")
        await database.close()
    }

    private func measure(_ database: PostgreSQLDatabase, for duration: Duration) async throws -> (count: Int, time: Double, cpu: Double) {
        let begin = ContinuousClock.now
        let end = begin.advanced(by: duration)
        let cpuBefore = Timing.processTime()
        let count = try await withThrowingTaskGroup(of: Int.self) { group in
            for caller in 0..<self.callers {
                group.addTask {
                    var count = 0
                    while ContinuousClock.now < end {
                        try await self.ask(database, count * self.callers + caller)
                        count += 1
                    }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
        let elapsed = begin.duration(to: .now).components
        return (count, Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18, Timing.processTime() - cpuBefore)
    }

    private func ask(_ database: PostgreSQLDatabase, _ number: Int) async throws {
        switch self.question {
        case .statement: try await self.add(database.connection(in: .installation), number)
        case .scoped: try await self.add(database.connection(in: .organization(Self.organizations[0])), number)
        case .row:
            let policy = number % Self.policies.count
            let organization = Self.organizations[policy % Self.organizations.count]
            let rows = try await database.connection(in: .organization(organization)).query(
                "SELECT id, pattern, action, created_at FROM policies WHERE organization_id = $1 AND id = $2", organization,
                Self.policies[policy])
            precondition(rows.count == 1, "the policy is not there")
        }
    }

    private func add(_ connection: any DatabaseConnection, _ number: Int) async throws {
        let rows = try await connection.query("SELECT CAST($1 AS BIGINT) + 1", number)
        precondition(rows[0].values == [.integer(Int64(number + 1))], "an answer to another question")
    }

    /// As `bench.py` writes them: policy n is organization n % 10's.
    private static let organizations: [OrganizationID] = Self.ids(10)
    private static let policies: [PolicyID] = Self.ids(10_000)

    private static func ids<ID: PublicID>(_ count: Int) -> [ID] {
        (0..<count).compactMap { ID("\(ID.prefix)00000000-0000-7000-8000-\(String(format: "%012d", $0))") }
    }
}
