import Foundation
import Model
import Store
import TestSupport
import Testing
import Vault

@testable import Installation

@Suite("Where the vault key comes from", .timeLimit(.minutes(2))) struct VaultKeySourceTests {
    @Test("a file, a variable and a command are told apart; what is none of them is refused")
    func forms() {
        #expect(VaultKeySource("file:/etc/key") == .file("/etc/key"))
        #expect(VaultKeySource("env:VAULT_KEY") == .environment("VAULT_KEY"))
        #expect(VaultKeySource("command:/bin/get  key -v") == .command(["/bin/get", "key", "-v"]))
        // The last one would be taken for a configuration key.
        for text in ["", "file:", "env:", "env:A=B", "command:", "command:get key", "https://kms.test/key", "env:ROOST_KEY"] {
            #expect(VaultKeySource(text) == nil, "\(text)")
        }
    }

    @Test("a command's output is the key, whatever ends its line; its arguments are seen by no shell")
    func command() async throws {
        let key = VaultKey()
        let source = VaultKeySource.command(["/usr/bin/printf", "%s\\r\\n", key.text.reveal()])
        #expect(try await source.load()?.id == key.id)
        // A shell would run the part behind the semicolon, and print the key.
        let quoted = VaultKeySource.command(["/bin/echo", ";", "/bin/echo", key.text.reveal()])
        #expect(try await Self.failure(quoted)?.contains("does not hold a vault key") == true)
    }

    @Test("a command that fails, prints no key, prints too much or is not there is an error that does not show what it printed")
    func failingCommand() async throws {
        let key = VaultKey().text.reveal()
        for (words, hint) in [
            (["/bin/sh", "-c", "echo \(key); exit 3"], "failed"),
            (["/bin/echo", "hush"], "does not hold a vault key"),
            (["/bin/sh", "-c", "yes hush-hush-hush | head -c 100000"], "failed"),
            (["/nonexistent/program"], "failed"),
        ] {
            let message = try #require(try await Self.failure(.command(words)))
            #expect(message.contains(hint) && message.contains(words[0]), "\(message)")
            #expect(!message.contains("hush") && !message.contains(key), "\(message)")
        }
    }

    @Test("a command that takes too long is ended, with whatever it has started")
    func slowCommand() async throws {
        try await withTemporaryFolder { folder in
            // The process in the background would hold the output open for an hour.
            let source = VaultKeySource.command(["/bin/sh", "-c", "sleep 3600 & echo $! >\(folder)/started; sleep 3600"])
            #expect(try await Self.failure(source, timeout: .seconds(3))?.contains("took longer than") == true)
            await Self.end(of: try Self.started(folder))
        }
    }

    @Test("a command whose offspring leaves its group with the output in hand does not hold up the start")
    func escaped() async throws {
        try await withTemporaryFolder { folder in
            let script = "setsid sleep 3600 2>/dev/null & echo $! >\(folder)/started; sleep 3600"
            #expect(
                try await Self.failure(.command(["/bin/sh", "-c", script]), timeout: .seconds(3))?.contains("took longer than") == true)
            let escaped = try Self.started(folder)
            kill(escaped, SIGKILL)
        }
    }

    @Test("sources that are missing give nothing, and a file that holds no key is an error")
    func missing() async throws {
        #expect(try await VaultKeySource.file("/nonexistent/key").load() == nil)
        #expect(try await VaultKeySource.environment("VAULT_KEY").load(environment: [:]) == nil)
        let key = VaultKey()
        #expect(try await VaultKeySource.environment("VAULT_KEY").load(environment: ["VAULT_KEY": key.text.reveal()])?.id == key.id)
        try await withTemporaryFolder { folder in
            try PrivateFile.create(folder + "/key", contents: Array("hush".utf8))
            let message = try await Self.failure(.file(folder + "/key"))
            #expect(message?.contains(folder + "/key does not hold a vault key") == true && message?.contains("hush") == false)
        }
    }

    @Test("a key that the database needs is not made anew, and the refusal says what can be done")
    func lostKey() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/vault.key"
            let settings = try await InstallationSettings.load(environment: [
                "ROOST_DATABASE_URL": "sqlite:\(folder)/roost.db", "ROOST_VAULT_KEY_FILE": path,
                "ROOST_CHANNEL_KEY_FILE": folder + "/channel",
            ])
            try await withTemporaryStore { store in
                let organization = try await store.organizations.create(name: "Acme", slug: "acme").id
                let vault = try await settings.vault.open(store)
                _ = try await vault.seal(Secret("s"), name: "n", of: ConnectionID(), in: organization)
                let needed = try #require(try await store.dataKeys.vaultKeys().first)
                try FileManager.default.removeItem(atPath: path)
                let error = await #expect(throws: InstallationError.self) { _ = try await settings.vault.open(store) }
                for words in [path, needed, "remove the database as well", "roost.database.url"] {
                    #expect(error?.description.contains(words) == true, "\(words)")
                }
                #expect(!FileManager.default.fileExists(atPath: path))
            }
        }
    }

    @Test("two places for the key, none, and previous keys that are no sources are faults of their keys")
    func settings() async throws {
        func faults(_ environment: [String: String]) async -> String {
            let required = ["ROOST_DATABASE_URL": "sqlite:/tmp/roost.db", "ROOST_CHANNEL_KEY_FILE": "/tmp/channel.key"]
            do {
                _ = try await InstallationSettings.load(environment: required.merging(environment) { $1 })
                return ""
            } catch {
                return "\(error)"
            }
        }
        #expect(await faults(["ROOST_VAULT_KEY_COMMAND": "/bin/get key"]) == "")
        #expect(await faults([:]).contains("roost.vault.key_file"))
        #expect(await faults(["ROOST_VAULT_KEY_FILE": "/k", "ROOST_VAULT_KEY_COMMAND": "/bin/get"]).contains("excludes key_variable"))
        #expect(await faults(["ROOST_VAULT_KEY_COMMAND": "get key"]).contains("roost.vault.key_command"))
        let previous = await faults(["ROOST_VAULT_KEY_FILE": "/k", "ROOST_VAULT_PREVIOUS_KEYS": "file:/old,/older"])
        #expect(previous.contains("roost.vault.previous_keys"))
    }

    /// The message of the ``InstallationError`` that reading the key ends with; nil when it gave a key or nothing.
    private static func failure(_ source: VaultKeySource, timeout: Duration = .seconds(60)) async throws -> String? {
        do {
            _ = try await source.load(timeout: timeout)
            return nil
        } catch let error as InstallationError {
            return "\(error)"
        }
    }

    /// The process that a script has noted.
    private static func started(_ folder: String) throws -> Int32 {
        let text = try String(contentsOfFile: folder + "/started", encoding: .utf8)
        return try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    /// Waits until a process has ended; the suite's time limit bounds it.
    private static func end(of process: Int32) async {
        while kill(process, 0) == 0 { await Task.yield() }
    }
}
