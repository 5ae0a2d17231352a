import Database
import Foundation
import Model
import Store

/// What it costs to say of a call that may write that it is sent, and how it ended, beside the end of an execution, which each run has anyhow.
enum CallBench {
    private static let rounds = 300

    /// Prints the rows of both databases; that of PostgreSQL belongs to whoever `url` names, who may make tables.
    static func run(folder: String, url: String) async throws {
        let sqlite = try await SQLiteDatabase.open(path: "\(folder)/calls.db")
        try await self.measure("SQLite", sqlite)
        try await sqlite.close()
        let postgres = try await PostgreSQLDatabase.open(PostgreSQLConfiguration(url))
        try await self.measure("PostgreSQL", postgres)
        await postgres.close()
    }

    private static func measure(_ name: String, _ database: any Database) async throws {
        var limits = StoreLimits()
        // Nobody renews the lease here.
        limits.replicaLease = .seconds(3600)
        let store = Store(database: database, limits: limits)
        try await store.migrate()
        let organization = try await store.organizations.create(name: "bench", slug: "bench").id
        let account = try await store.accounts.create(in: organization, name: "agent")
        let principal = Principal(organization: organization, account: account.id, role: .agent, method: .apiKey(APIKeyID()))
        let replica = try await store.replicas.register(ReplicaID(), kind: .sessionService, address: "127.0.0.1:1", version: "bench")
        let subject = Subject(store: store, principal: principal, lease: replica.lease)
        for callers in [1, 8] {
            try await self.row("start of a call, \(name), \(callers) at a time", callers) { caller in
                let execution = try await subject.start()
                return { try await subject.startCall(execution, UInt32($0 + 1)) }
            }
        }
        try await self.row("end of one call, \(name)", 1) { _ in
            let execution = try await subject.start()
            for number in 0..<Self.rounds { try await subject.startCall(execution, UInt32(number + 1)) }
            return { number in
                let end = ExecutionCallEnd(sequence: UInt32(number + 1), outcome: .done)
                try await store.calls.end([end], of: execution, in: organization)
            }
        }
        for count in [0, 1, 10] as [UInt32] {
            try await self.row("end of an execution with \(count) such ends, \(name)", 1) { _ in
                var executions: [ExecutionID] = []
                for _ in 0..<Self.rounds {
                    let execution = try await subject.start()
                    for sequence in 0..<count { try await subject.startCall(execution, sequence + 1) }
                    executions.append(execution)
                }
                let started = executions
                return { number in
                    let calls = (0..<count).map { ExecutionCallEnd(sequence: $0 + 1, outcome: .done) }
                    try await store.executions.finish(
                        started[number], in: organization, by: subject.lease,
                        with: ExecutionEnd(state: .completed, outcome: nil, calls: calls))
                }
            }
        }
    }

    /// In whose name, and under which lease.
    private struct Subject: Sendable {
        let store: Store
        let principal: Principal
        let lease: ReplicaLease

        func start() async throws -> ExecutionID {
            let draft = ExecutionDraft(
                principal: self.principal, session: nil, client: .mcp, codeHash: "", seed: 0, startedAt: .now(), owner: self.lease)
            try await self.store.executions.start(draft)
            return draft.id
        }

        func startCall(_ execution: ExecutionID, _ sequence: UInt32) async throws {
            let address = ToolAddress(integration: "api", owner: .organization, connection: "main", tool: "items.create")
            try await self.store.calls.start(
                ExecutionCallDraft(sequence: sequence, address: address, effect: .write), of: execution,
                in: self.principal.organization, by: self.lease)
        }
    }

    /// Prints how long one took, the median and the slowest of a hundred, in microseconds.
    private static func row(
        _ what: String, _ callers: Int, _ prepare: @Sendable (Int) async throws -> @Sendable (Int) async throws -> Void
    ) async throws {
        var works: [@Sendable (Int) async throws -> Void] = []
        for caller in 0..<callers { works.append(try await prepare(caller)) }
        let times = try await withThrowingTaskGroup(of: [Double].self) { group in
            for work in works {
                group.addTask {
                    var times: [Double] = []
                    for number in 0..<Self.rounds {
                        let begin = ContinuousClock.now
                        try await work(number)
                        times.append(begin.duration(to: .now) / .microseconds(1))
                    }
                    return times
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }.sorted()
        print("\(what)\tmedian \(Report.text(times[times.count / 2])) µs\tp99 \(Report.text(times[times.count * 99 / 100])) µs")
    }
}
