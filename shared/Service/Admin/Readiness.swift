/// Whether a process should be given work: every named check passes.
///
/// Health says that a process lives; readiness says that what it needs (database, peers, sandbox) answers. A check must end within
/// its own bound, because a load balancer waits for it.
package struct Readiness: Sendable {
    /// One thing that must work.
    package struct Check: Sendable {
        package let name: String
        /// Nil when all is well, otherwise one sentence without secrets.
        package let fault: @Sendable () async -> String?

        package init(_ name: String, fault: @escaping @Sendable () async -> String?) {
            self.name = name
            self.fault = fault
        }
    }

    /// What a round of checks found, in the order of the checks.
    package struct Report: Sendable, Hashable {
        package struct Entry: Sendable, Hashable {
            package let name: String
            package let fault: String?
        }

        package let entries: [Entry]

        package var isReady: Bool { self.entries.allSatisfy { $0.fault == nil } }
    }

    private let checks: [Check]

    package init(_ checks: [Check]) { self.checks = checks }

    /// Runs all checks side by side.
    package func report() async -> Report {
        await withTaskGroup(of: (Int, Report.Entry).self) { group in
            for (index, check) in self.checks.enumerated() {
                group.addTask { (index, Report.Entry(name: check.name, fault: await check.fault())) }
            }
            var entries: [(Int, Report.Entry)] = []
            for await entry in group { entries.append(entry) }
            return Report(entries: entries.sorted { $0.0 < $1.0 }.map(\.1))
        }
    }
}
