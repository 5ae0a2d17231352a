import Channel
import Database
import JSON
import Logging
import Model
import Sandbox
import Service
import Store

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Looks at everything that an installation needs, and changes nothing. Works with the services up or down.
package struct Doctor: Sendable {
    private let environment: [String: String]
    /// How long the sandbox may take to run a program.
    private let sandboxTimeout: Duration

    package init(environment: [String: String], sandboxTimeout: Duration = .seconds(20)) {
        self.environment = environment
        self.sandboxTimeout = sandboxTimeout
    }

    /// Everything that was found, part by part.
    package func examine() async -> [Finding] {
        let settings: InstallationSettings
        do {
            settings = try await InstallationSettings.load(environment: self.environment)
        } catch let error as ConfigurationError {
            return error.faults.map {
                .fault("configuration", "\($0.key) \($0.message).", "Mend it in the environment or the file of ROOST_CONFIG.")
            }
        } catch {
            return [.fault("configuration", "It cannot be read: \(error).", "Check the path in ROOST_CONFIG, and that the file is YAML.")]
        }
        var findings = [Finding.ok("configuration", "Every value can be used.")]
        findings += await self.database(settings)
        findings += self.channel(settings)
        findings.append(await self.sandbox(settings))
        findings.append(
            .ok("sinks", "Logs go to standard error, from \(settings.log.level) up. This version has no other sinks to configure."))
        return findings
    }

    // MARK: - Database, vault keys, processes

    private func database(_ settings: InstallationSettings) async -> [Finding] {
        do {
            guard let database = try await settings.database.openExisting() else {
                return [
                    .fault(
                        "database", "There is none at \(settings.database.location).",
                        "Run `roost migrate`, or `roost bootstrap` for a new installation.")
                ]
            }
            let findings = await self.findings(about: database, settings)
            try? await database.close()
            return findings
        } catch {
            return [.fault("database", "It cannot be opened: \(Self.text(error)).", "Check roost.database.url, the file and its owner.")]
        }
    }

    private func findings(about database: any Database, _ settings: InstallationSettings) async -> [Finding] {
        let store = Store(database: database, limits: settings.store.limits)
        do {
            guard try await store.isMigrated() else {
                return [.fault("database", "Its schema is not that of this version.", "Run `roost migrate`.")]
            }
        } catch {
            return [
                .fault(
                    "database", "Its schema cannot be used: \(Self.text(error)).",
                    "Start the version that it belongs to, or restore a backup.")
            ]
        }
        var findings = [Finding.ok("database", "It answers, and its schema is that of this version.")]
        findings.append(await self.vault(settings, store))
        findings.append(await self.processes(store))
        return findings
    }

    private func vault(_ settings: InstallationSettings, _ store: Store) async -> Finding {
        do {
            let needed = try await store.dataKeys.vaultKeys()
            if needed.isEmpty, case .file(let path) = settings.vault.key, try await settings.vault.key.load() == nil {
                return .ok("keys", "There are no secrets yet; the first service makes the vault key \(path).")
            }
            _ = try await settings.vault.open(store, makesKey: false)
            guard needed.count <= 1 else {
                return .warning(
                    "keys", "The vault keys fit; \(needed.count) of them are needed.", "Finish the rotation: run `roost vault rotate-kek`.")
            }
            return .ok("keys", "The vault key \(settings.vault.key) fits the database.")
        } catch {
            return .fault("keys", Self.text(error), "Configure the vault key that belongs to this database.")
        }
    }

    private func processes(_ store: Store) async -> Finding {
        do {
            let gateways = try await store.replicas.live(.apiGateway).count
            let services = try await store.replicas.live(.sessionService).count
            let message = "Alive by their heartbeats: \(gateways) api-gateway, \(services) session-service."
            guard (gateways == 0) == (services == 0) else {
                return .warning("processes", message, "Start the other one too; each needs the other to serve MCP.")
            }
            return .ok("processes", message)
        } catch {
            return .fault("processes", "The registry cannot be read: \(Self.text(error)).", "Check the database.")
        }
    }

    // MARK: - Files and sandbox

    private func channel(_ settings: InstallationSettings) -> [Finding] {
        var findings: [Finding] = []
        do {
            let bytes = try PrivateFile.read(settings.channel.keyFile)
            findings.append(
                ChannelKey(bytes: bytes) == nil
                    ? .fault(
                        "channel", "\(settings.channel.keyFile) holds no key of at least \(ChannelKey.minBytes) bytes.",
                        "Move it away and run `roost bootstrap`; every process needs the same key.")
                    : .ok(
                        "channel",
                        "The key can be read\(settings.channel.tls == nil ? "; it is not encrypted, which is right on one machine" : "").")
            )
        } catch {
            findings.append(.fault("channel", Self.text(error), "Run `roost bootstrap`, or hand this process the installation's key."))
        }
        guard settings.channel.tls != nil else { return findings }
        do {
            _ = try ChannelFiles.clientSecurity(settings.channel)
            _ = try ChannelFiles.serverSecurity(settings.channel)
            findings.append(.ok("channel", "The TLS files can be read."))
        } catch {
            findings.append(
                .fault("channel", Self.text(error), "Check the three files of roost.channel.tls_certificate_file and its neighbours."))
        }
        return findings
    }

    private func sandbox(_ settings: InstallationSettings) async -> Finding {
        let configuration = settings.sandbox.configuration
        for (path, key) in [
            (configuration.workerPath, "roost.sandbox.worker_path"), (configuration.esbuildPath, "roost.sandbox.esbuild_path"),
        ] where access(path, X_OK) != 0 {
            return .fault("sandbox", "There is no executable \(path).", "Install it, or set \(key).")
        }
        let host = SandboxHost(configuration: configuration, logger: Logger(label: "roost-doctor") { _ in SwiftLogNoOpLogHandler() })
        // A type is stripped, arithmetic is done, and the result comes back.
        let program = SandboxProgram(
            source: "const answer: number = 6 * 7; return answer", limits: settings.sandbox.limits, seed: 1, startTime: .now())
        let timeout = self.sandboxTimeout
        return await withTaskGroup(of: Finding?.self) { group in
            group.addTask {
                try? await host.run()
                return nil
            }
            group.addTask {
                try? await Task.sleep(for: timeout)
                return Task.isCancelled ? nil : .fault("sandbox", "A program did not end within \(timeout).", "Look at the machine's load.")
            }
            group.addTask { await Self.run(program, in: host) }
            var finding: Finding?
            while finding == nil, let next = await group.next() { finding = next }
            group.cancelAll()
            return finding ?? .fault("sandbox", "It ended by itself.", "Run `roost doctor` again; look at the system's log.")
        }
    }

    private static func run(_ program: SandboxProgram, in host: SandboxHost) async -> Finding? {
        do {
            let report = try await host.run(program) { _ in .throwing(name: "Error", message: "no tools here") }
            guard case .returned(let value) = report.outcome, value?.bytes == Array("42".utf8) else {
                return .fault(
                    "sandbox", "A program came to a wrong result.", "Reinstall sandbox-worker and esbuild; they do not belong together.")
            }
            return .ok("sandbox", "A program ran.")
        } catch {
            return Task.isCancelled
                ? nil
                : .fault(
                    "sandbox", "A program could not be run: \(error.message)",
                    "The kernel must allow what docs/design/0002-sandbox.md lists.")
        }
    }

    /// What our errors say of themselves holds no secret.
    private static func text(_ error: any Error) -> String { "\(error)" }
}
