import Foundation
import JSON
import NIOHTTP1
import Subprocess
import SystemPackage
import TestSupport
import Testing

/// The `roost` tool's commands that look after an installation, as an operator runs them: with the services down, and while they work.
@Suite(.serialized, .timeLimit(.minutes(5))) struct OperationsTests {
    /// One installation's folder, for commands of the tool.
    private struct Installation {
        let folder: String
        var key = "vault.key"
        var more: [String: String] = [:]

        func roost(_ arguments: String...) async throws -> Program.Outcome {
            let environment = [
                "ROOST_DATABASE_URL": "sqlite:\(self.folder)/roost.db", "ROOST_VAULT_KEY_FILE": "\(self.folder)/\(self.key)",
                "ROOST_CHANNEL_KEY_FILE": "\(self.folder)/channel.key", "ROOST_GATEWAY_PORT": "4400",
            ]
            return try await Program.run(
                Program.products.appending("roost"), arguments, environment: environment.merging(self.more) { $1 })
        }

        func doctor() async throws -> (status: TerminationStatus, findings: [JSONValue]) {
            let outcome = try await self.roost("doctor", "--json")
            let report = try JSONValue(parsing: Array(outcome.output.utf8))
            let findings = try #require(report["findings"]?.array)
            #expect(report["healthy"]?.bool == outcome.status.isSuccess)
            for finding in findings {
                #expect((finding["remedy"]?.string == nil) == (finding["status"]?.string == "ok"), "\(finding.text())")
            }
            return (outcome.status, findings)
        }
    }

    private static func status(_ part: String, in findings: [JSONValue]) -> [String] {
        findings.filter { $0["part"]?.string == part }.compactMap { $0["status"]?.string }
    }

    private static func mode(of path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    /// Calls the notes API with its connection's credential, in a new session.
    private static func useNotes(_ roost: RunningRoost) async throws -> JSONValue? {
        let session = try await roost.openSession()
        let result = try await roost.execute("return (await tools.notes.org.main.notes.list({})).ok", session: session)
        return result["structuredContent"]
    }

    private static func isUsable(_ content: JSONValue?) -> Bool { content?["result"]?.bool == true }

    @Test("every command says what it is for", arguments: ["migrate", "doctor", "backup", "restore", "vault", "bootstrap"])
    func help(_ command: String) async throws {
        let outcome = try await Program.run(Program.products.appending("roost"), [command, "--help"])
        #expect(outcome.status.isSuccess && outcome.output.contains("OVERVIEW") && outcome.output.contains("roost \(command)"))
    }

    @Test("migrate makes the schema once; the others refuse a database without one")
    func migrate() async throws {
        try await withTemporaryFolder { folder in
            let installation = Installation(folder: folder)
            for arguments in [["backup", "\(folder)/b"], ["vault", "rotate-kek"]] {
                let early = try await Program.run(
                    Program.products.appending("roost"), arguments,
                    environment: [
                        "ROOST_DATABASE_URL": "sqlite:\(folder)/roost.db", "ROOST_VAULT_KEY_FILE": "\(folder)/vault.key",
                        "ROOST_CHANNEL_KEY_FILE": "\(folder)/channel.key",
                    ])
                #expect(early.status == .exited(1) && early.errors.contains("roost migrate"), "\(early.errors)")
            }
            let first = try await installation.roost("migrate")
            #expect(first.status.isSuccess && first.output.contains("0001"), "\(first.errors)")
            let second = try await installation.roost("migrate")
            #expect(second.status.isSuccess && second.output.contains("up to date"))
            let faulty = try await Program.run(
                Program.products.appending("roost"), ["migrate"], environment: ["ROOST_DATABASE_URL": "mysql:x"])
            #expect(faulty.status == .exited(1) && faulty.errors.contains("roost.database.url") && !faulty.errors.contains("Usage"))
        }
    }

    @Test("doctor says what is missing and what to do, part by part, and is content with what bootstrap made")
    func doctor() async throws {
        try await withTemporaryFolder { folder in
            var installation = Installation(folder: folder)
            let nothing = try await installation.doctor()
            #expect(nothing.status == .exited(1))
            #expect(Self.status("database", in: nothing.findings) == ["fault"] && Self.status("channel", in: nothing.findings) == ["fault"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty, "it changes nothing")

            try #require(try await installation.roost("bootstrap").status.isSuccess)
            let healthy = try await installation.doctor()
            #expect(healthy.status == .exited(0), "\(healthy.findings.map { $0.text() })")
            for part in ["configuration", "database", "keys", "channel", "processes", "sandbox", "sinks"] {
                #expect(Self.status(part, in: healthy.findings) == ["ok"], "\(part)")
            }
            let text = try await installation.roost("doctor")
            #expect(text.status.isSuccess && text.output.contains("ok: sandbox:"))

            installation.more = ["ROOST_SANDBOX_ESBUILD_PATH": "/nowhere/esbuild"]
            let broken = try await installation.doctor()
            #expect(broken.status == .exited(1) && Self.status("sandbox", in: broken.findings) == ["fault"])
            installation.more = ["ROOST_LOG_LEVEL": "loud", "ROOST_NO_SUCH": "1"]
            let misconfigured = try await installation.doctor()
            #expect(misconfigured.status == .exited(1) && Self.status("configuration", in: misconfigured.findings) == ["fault", "fault"])
        }
    }

    @Test("a backup taken while agents work is restored elsewhere, and works there with the vault key that was kept apart")
    func backup() async throws {
        try await NotesAPI.with { notes in
            try await withTemporaryFolder { folder in
                let (old, new) = (Installation(folder: folder + "/old"), Installation(folder: folder + "/new"))
                let file = folder + "/roost.backup"
                let environment = ["ROOST_EGRESS_ALLOW": notes.address]
                let agentKey = try await RunningRoost.with(environment, folder: old.folder) { roost in
                    try await notes.register(with: roost)
                    let session = try await roost.openSession()
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask {
                            for id in 0..<15 {
                                _ = try await roost.execute(
                                    "return await tools.notes.org.main.notes.list({})", session: session, id: id + 2)
                            }
                        }
                        let outcome = try await old.roost("backup", file)
                        #expect(outcome.status.isSuccess, "\(outcome.errors)")
                        #expect(outcome.output.contains("vault key vk_"))
                        try await group.waitForAll()
                    }
                    #expect(try await old.doctor().status == .exited(0))
                    return roost.agentKey
                }
                #expect(try Self.mode(of: file) == 0o600)
                let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
                let key = try Data(contentsOf: URL(fileURLWithPath: old.folder + "/vault.key"))
                for secret in [Data(notes.token.utf8), Data(agentKey.utf8), key.dropLast().suffix(43)] {
                    #expect(bytes.range(of: secret) == nil, "no secret stands in the file")
                }
                let again = try await old.roost("backup", file)
                #expect(again.status == .exited(1), "a file is never replaced")
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["old", "roost.backup"])

                try FileManager.default.createDirectory(atPath: new.folder, withIntermediateDirectories: false)
                #expect(try await new.roost("restore", file).errors.contains("roost migrate"))
                try #require(try await new.roost("migrate").status.isSuccess)
                try (bytes.dropLast(40)).write(to: URL(fileURLWithPath: folder + "/cut"))
                let cut = try await new.roost("restore", folder + "/cut")
                #expect(cut.status == .exited(1) && cut.errors.contains("damaged"))
                let restored = try await new.roost("restore", file)
                #expect(restored.status.isSuccess && restored.output.contains("vk_"), "\(restored.errors)")
                #expect(try await new.roost("restore", file).errors.contains("not empty"))

                // Without the key the services refuse, and nobody makes another one.
                #expect(Self.status("keys", in: try await new.doctor().findings) == ["fault"])
                #expect(!FileManager.default.fileExists(atPath: new.folder + "/vault.key"))
                for name in ["vault.key", "keys.json", "channel.key"] {
                    try FileManager.default.copyItem(atPath: "\(old.folder)/\(name)", toPath: "\(new.folder)/\(name)")
                }
                try await RunningRoost.with(environment, folder: new.folder) { roost in
                    #expect(roost.agentKey == agentKey)
                    let content = try await Self.useNotes(roost)
                    #expect(Self.isUsable(content), "\(content?.text() ?? "")")
                }
            }
        }
    }

    @Test("both kinds of keys change while the services run, and no call fails")
    func rotation() async throws {
        try await NotesAPI.with { notes in
            try await withTemporaryFolder { folder in
                let old = Installation(folder: folder)
                let made = try await old.roost("vault", "new-key", folder + "/next.key")
                try #require(made.status.isSuccess, "\(made.errors)")
                #expect(try Self.mode(of: folder + "/next.key") == 0o600)
                #expect(try await old.roost("vault", "new-key", folder + "/next.key").status == .exited(1))
                let environment = ["ROOST_EGRESS_ALLOW": notes.address]
                // The services already read the next key.
                let reading = environment.merging(["ROOST_VAULT_PREVIOUS_KEYS": "file:\(folder)/next.key"]) { $1 }
                try await RunningRoost.with(reading, folder: folder) { roost in
                    try await notes.register(with: roost)
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask {
                            for _ in 0..<10 {
                                let content = try await Self.useNotes(roost)
                                #expect(Self.isUsable(content), "\(content?.text() ?? "")")
                            }
                        }
                        let rotated = try await old.roost("vault", "rotate", "--organization", "default")
                        #expect(rotated.status.isSuccess && rotated.output.contains("1 secrets"), "\(rotated.output)\(rotated.errors)")
                        let next = Installation(
                            folder: folder, key: "next.key", more: ["ROOST_VAULT_PREVIOUS_KEYS": "file:\(folder)/vault.key"])
                        let wrapped = try await next.roost("vault", "rotate-kek")
                        #expect(wrapped.status.isSuccess && wrapped.output.contains("2 data keys"), "\(wrapped.output)\(wrapped.errors)")
                        try await group.waitForAll()
                    }
                }
                let wrong = try await old.doctor()
                #expect(Self.status("keys", in: wrong.findings) == ["fault"])
                // The old key is gone for good.
                try FileManager.default.removeItem(atPath: folder + "/vault.key")
                let next = environment.merging(["ROOST_VAULT_KEY_FILE": "\(folder)/next.key"]) { $1 }
                try await RunningRoost.with(next, folder: folder) { roost in
                    let content = try await Self.useNotes(roost)
                    #expect(Self.isUsable(content), "\(content?.text() ?? "")")
                }
                #expect(!FileManager.default.fileExists(atPath: folder + "/vault.key"))
            }
        }
    }

    @Test("a service without the key that the database needs does not start, and makes none")
    func missingKey() async throws {
        try await NotesAPI.with { notes in
            try await withTemporaryFolder { folder in
                try await RunningRoost.with(["ROOST_EGRESS_ALLOW": notes.address], folder: folder) { try await notes.register(with: $0) }
                try FileManager.default.moveItem(atPath: folder + "/vault.key", toPath: folder + "/kept")
                let environment = [
                    "ROOST_DATABASE_URL": "sqlite:\(folder)/roost.db", "ROOST_VAULT_KEY_FILE": "\(folder)/vault.key",
                    "ROOST_CHANNEL_KEY_FILE": "\(folder)/channel.key", "ROOST_GATEWAY_PORT": "4400",
                ]
                let missing = try await Program.run(Program.products.appending("session-service"), [], environment: environment)
                #expect(missing.status == .exited(78) && missing.errors.contains("vault key is missing"), "\(missing.errors)")
                _ = try await Installation(folder: folder).roost("vault", "new-key", folder + "/vault.key")
                let wrong = try await Program.run(Program.products.appending("api-gateway"), [], environment: environment)
                #expect(wrong.status == .exited(78) && wrong.errors.contains("need the vault key"), "\(wrong.errors)")
            }
        }
    }

    @Test("connections use secrets of the environment and the folder that the installation allows them, and no others")
    func references() async throws {
        try await NotesAPI.with { notes in
            try await withTemporaryFolder { folder in
                let secrets = folder + "/secrets"
                try FileManager.default.createDirectory(atPath: secrets, withIntermediateDirectories: false)
                try Data((notes.token + "\n").utf8).write(to: URL(fileURLWithPath: secrets + "/notes"))
                let environment = [
                    "ROOST_EGRESS_ALLOW": notes.address, "NOTES_TOKEN": notes.token, "OTHER_TOKEN": "other",
                    "ROOST_VAULT_ALLOWED_REFERENCES": "default=env:NOTES_*,default=file:notes", "ROOST_VAULT_SECRET_FOLDER": secrets,
                ]
                try await RunningRoost.with(environment, folder: folder + "/data") { roost in
                    let added = try await roost.call(
                        .POST, "/api/v1/integrations", key: roost.adminKey,
                        body: ["slug": "notes", "url": .string("\(notes.url)/openapi.json")])
                    try #require(added.status == 201)
                    func connect(_ name: String, _ reference: String, key: String) async throws -> RunningRoost.Answer {
                        try await roost.call(
                            .POST, "/api/v1/integrations/notes/connections", key: key,
                            body: ["name": .string(name), "method": "token", "references": ["token": .string(reference)]])
                    }
                    for reference in ["env:OTHER_TOKEN", "env:PATH", "file:other", "env:NOTES_NONE", "file:../data/vault.key", "x"] {
                        let status = try await connect("bad", reference, key: roost.adminKey).status
                        #expect([400, 422].contains(status), "\(reference) \(status)")
                    }
                    #expect(try await connect("main", "env:NOTES_TOKEN", key: roost.agentKey).status == 403)
                    for (name, reference) in [("main", "env:NOTES_TOKEN"), ("file", "file:notes")] {
                        let answer = try await connect(name, reference, key: roost.adminKey)
                        #expect(answer.status == 201 && !String(decoding: answer.bytes, as: UTF8.self).contains(notes.token))
                        let session = try await roost.openSession()
                        let code = "return (await tools.notes.org.\(name).notes.list({})).ok"
                        // A new connection binds within a second.
                        _ = try await eventually(within: .seconds(10)) {
                            let result = try await roost.execute(code, session: session)
                            return Self.isUsable(result["structuredContent"]) ? true : nil
                        }
                    }
                }
            }
        }
    }
}
