import ArgumentParser
import Foundation
import Installation
import Model
import Store
import Vault

/// `roost vault`: keys of the vault.
struct VaultCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vault",
        abstract: "Makes and changes the keys under which secrets are sealed.",
        discussion: """
            Every organization's secrets are sealed under a data key of its own, and data keys are wrapped under the vault key, which stands \
            outside of the database. Both can be changed while the services run; docs/operations.md has the steps.
            """,
        subcommands: [NewKey.self, RotateKEK.self, Rotate.self]
    )

    /// `roost vault new-key FILE`.
    struct NewKey: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "new-key",
            abstract: "Writes a new vault key to a file that only its owner can read.",
            discussion: "Never replaces a file. What stands in it can also be put into an environment variable or behind a command."
        )

        @Argument(help: "The file.") var file: String

        func run() async throws {
            try await Operation.run {
                let id = try VaultKeyMaking.write(to: self.file)
                print("The vault key \(id) stands in \(self.file).")
            }
        }
    }

    /// `roost vault rotate-kek`.
    struct RotateKEK: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rotate-kek",
            abstract: "Wraps every organization's data keys under the configured vault key.",
            discussion: """
                The vault keys of before stand in roost.vault.previous_keys. Services go on meanwhile; an interrupted run is simply started \
                again. Exits with 1 when something still needs an old key.
                """
        )

        func run() async throws {
            try await Operation.withStore { settings, store in
                let rotation = try await settings.vault.open(store, makesKey: false).rotateVaultKey()
                print("\(rotation.changed) data keys were wrapped anew.")
                for id in rotation.forgotten { print("Nothing in the database needs the vault key \(id) any more; backups may.") }
                for id in rotation.stillNeeded {
                    print("The vault key \(id) is still needed. Make the new key the first one of every service, then run this again.")
                }
                try Operation.check(rotation)
            }
        }
    }

    /// `roost vault rotate`.
    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rotate",
            abstract: "Gives an organization a new data key and seals its secrets anew with it.",
            discussion: "Services go on meanwhile. An interrupted run is finished with --finish, which makes no further key."
        )

        @Option(help: "The organization's slug or id.") var organization: String
        @Flag(help: "Only seal anew what an interrupted run left.") var finish = false

        func run() async throws {
            try await Operation.withStore { settings, store in
                let vault = try await settings.vault.open(store, makesKey: false)
                let id = try await Self.find(self.organization, store)
                let rotation = try await self.finish ? vault.finishRotation(of: id) : vault.rotateDataKey(of: id)
                print("\(rotation.changed) secrets were sealed anew.")
                try Operation.check(rotation)
            }
        }

        private static func find(_ text: String, _ store: Store) async throws -> OrganizationID {
            if let id = OrganizationID(text), try await store.organizations.find(id) != nil { return id }
            guard let found = try await store.organizations.find(slug: text) else {
                throw InstallationError("There is no organization `\(text)`.")
            }
            return found.id
        }
    }
}

extension Operation {
    /// Ends with status 1 when a rotation has not done everything.
    static func check(_ rotation: Vault.Rotation) throws {
        if rotation.unreadable > 0 {
            print("\(rotation.unreadable) could not be opened and stay as they were: they were changed in the database.")
        }
        if rotation.unreadable > 0 || !rotation.stillNeeded.isEmpty { throw ExitCode.failure }
    }
}
