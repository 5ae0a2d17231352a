import ArgumentParser
import Database
import Foundation
import Installation
import Service
import Store
import Vault

/// What the commands that look after an installation have in common.
enum Operation {
    /// Runs a command's work; faults that a person has to mend are shown as sentences, with exit status 1.
    static func run(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as InstallationError {
            throw OperationFailure(text: "\(error)")
        } catch let error as ConfigurationError {
            throw OperationFailure(text: "\(error)")
        } catch let error as BackupError {
            throw OperationFailure(text: error.message)
        } catch let error as VaultError {
            throw OperationFailure(text: error.message)
        } catch let error as DatabaseError {
            throw OperationFailure(text: "The database: \(error.message) (\(error.code)).")
        } catch let error as StoreError {
            throw OperationFailure(text: "The database: \(error.message).")
        }
    }

    /// The settings of this process's environment.
    static func settings() async throws -> InstallationSettings {
        try await InstallationSettings.load(environment: ProcessInfo.processInfo.environment)
    }

    /// Opens the configured database for a while.
    ///
    /// - Parameters:
    ///   - asOwner: As the role that owns the tables, where the database has roles.
    ///   - transactionTimeout: How long one transaction may last, where that is not what is configured.
    static func withDatabase<Result>(
        _ settings: InstallationSettings, asOwner: Bool = false, transactionTimeout: Duration? = nil,
        _ body: (any Database) async throws -> Result
    ) async throws -> Result {
        let database =
            asOwner
            ? try await settings.database.openAsOwner(transactionTimeout: transactionTimeout)
            : try await settings.database.open(transactionTimeout: transactionTimeout)
        do {
            let result = try await body(database)
            try await database.close()
            return result
        } catch {
            try? await database.close()
            throw error
        }
    }

    /// Runs work on the configured database, which must hold the schema of this version already.
    static func withStore(_ body: (InstallationSettings, Store) async throws -> Void) async throws {
        try await Self.run {
            let settings = try await Self.settings()
            try await Self.withDatabase(settings) { database in
                let store = Store(database: database, limits: settings.store.limits)
                guard try await store.isMigrated() else {
                    throw InstallationError("The database has no schema, or one of an earlier version. Run `roost migrate` first.")
                }
                try await body(settings, store)
            }
        }
    }
}

/// A failure that the command line shows as a sentence, with exit status 1: unlike a validation error it prints no usage.
struct OperationFailure: Error, LocalizedError, CustomStringConvertible {
    let text: String
    var description: String { self.text }
    var errorDescription: String? { self.text }
}
