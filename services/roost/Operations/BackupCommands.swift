import ArgumentParser
import Installation
import Store

/// `roost backup FILE`.
struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Writes the whole state to one file, while the services run.",
        discussion: """
            The file is the database as it was at one moment, and fits both kinds of database. Secrets in it stay sealed, and the vault key \
            is not in it: keep that elsewhere, or the secrets are lost with it. The file is readable by its owner only and is there whole or \
            not at all; an existing one is not replaced.
            """
    )

    @Argument(help: "The file to write.") var file: String

    func run() async throws {
        try await Operation.withStore { settings, _ in
            try await Operation.withDatabase(settings, transactionTimeout: .seconds(86_400)) { database in
                let report = try await BackupFile.write(database, to: self.file)
                print("\(report.rowCount) rows of \(report.organizationCount) organizations stand in \(self.file).")
                print(
                    report.vaultKeys.isEmpty
                        ? "There are no secrets in it."
                        : "Its secrets are sealed. Keep the vault key \(report.vaultKeys.joined(separator: ", ")) elsewhere: it is not in the file."
                )
            }
        }
    }
}

/// `roost restore FILE`.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Puts a backup into an empty database.",
        discussion: """
            The database is a new one on which `roost migrate` of the version that wrote the backup has been run, and no service works on \
            it. All of the backup is restored or nothing of it. Sessions come back as nobody's and are taken up by the first process that \
            is asked for them; executions that were under way end as interrupted when a service starts.
            """
    )

    @Argument(help: "The file that `roost backup` wrote.") var file: String

    func run() async throws {
        try await Operation.run {
            let settings = try await Operation.settings()
            try await Operation.withDatabase(settings, transactionTimeout: .seconds(86_400)) { database in
                guard try await Store(database: database, limits: settings.store.limits).isMigrated() else {
                    throw InstallationError("The database has no schema, or one of an earlier version. Run `roost migrate` first.")
                }
                let report = try await BackupFile.restore(self.file, into: database, lease: settings.store.limits.replicaLease)
                print("\(report.rowCount) rows of \(report.organizationCount) organizations are restored, as of \(report.createdAt).")
                if !report.vaultKeys.isEmpty {
                    print(
                        "The services need the vault key \(report.vaultKeys.joined(separator: ", ")). `roost doctor` says whether they have it."
                    )
                }
            }
        }
    }
}
