import ArgumentParser

/// The `roost` tool.
@main
struct RoostCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roost",
        abstract: "Runs and looks after a Roost installation.",
        subcommands: [
            DevCommand.self, BootstrapCommand.self, MigrateCommand.self, DoctorCommand.self, BackupCommand.self, RestoreCommand.self,
            VaultCommand.self, ConfigurationCommand.self,
        ]
    )
}
