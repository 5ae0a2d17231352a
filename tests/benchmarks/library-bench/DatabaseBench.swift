import Database
import Foundation
import Model

/// How many statements the PostgreSQL driver gets through, and what the organization's setting costs; `database-bench` sets it beside
/// pgbench.
enum DatabaseBench {
    /// Prints one line for each number of callers: name, callers, statements per second, CPU microseconds of this process per statement.
    static func run(url: String, seconds: Int) async throws {
        let database = try await PostgreSQLDatabase.open(PostgreSQLConfiguration(url))
        for (name, scope) in [("installation", DatabaseScope.installation), ("organization", .organization(OrganizationID()))] {
            for callers in [1, 16, 64] {
                _ = try await self.measure(database.connection(in: scope), callers: callers, for: .milliseconds(500))
                let (rate, cpu) = try await self.measure(database.connection(in: scope), callers: callers, for: .seconds(seconds))
                print("roost \(name)\t\(callers)\t\(Int(rate))\t\(Report.text(cpu * 1e6))")
            }
        }
        await database.close()
    }

    private static func measure(
        _ connection: any DatabaseConnection, callers: Int, for duration: Duration
    ) async throws -> (rate: Double, cpu: Double) {
        let begin = ContinuousClock.now
        let end = begin.advanced(by: duration)
        let cpuBefore = Timing.processTime()
        let count = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<callers {
                group.addTask {
                    var count = 0
                    while ContinuousClock.now < end {
                        let rows = try await connection.query("SELECT CAST($1 AS BIGINT) + 1", count)
                        precondition(rows[0].values == [.integer(Int64(count + 1))])
                        count += 1
                    }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
        let elapsed = begin.duration(to: .now).components
        let time = Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
        return (Double(count) / time, (Timing.processTime() - cpuBefore) / Double(count))
    }
}
