package import Identity
package import Service

/// Everything that one installation configures.
///
/// Both services read the whole of it, from the same file, and check the other's part too: a fault shows in whichever starts first,
/// and a key cannot mean two things.
package struct InstallationSettings: Sendable {
    package let log: LogSettings
    package let service: ServiceSettings
    package let database: DatabaseSettings
    package let store: StoreSettings
    package let vault: VaultSettings
    package let channel: ChannelSettings
    package let issuer: IssuerSettings?
    package let authentication: AuthenticationSettings
    package let egress: EgressSettings
    package let catalog: CatalogSettings
    package let sandbox: SandboxSettings
    package let policies: PolicySettings
    package let engine: EngineSettings
    package let gateway: GatewaySettings
    package let mcp: MCPSettings
    package let sessions: SessionsSettings
    /// Writes and speaks a made-up version before the current one, so that a test can run two side by side (`roost.test.previous_version`,
    /// in builds for debugging only).
    package let isPreviousVersion: Bool

    /// Reads all keys.
    package init(_ reader: inout SettingsReader) {
        self.log = LogSettings(&reader)
        self.service = ServiceSettings(&reader)
        self.database = DatabaseSettings(&reader)
        self.store = StoreSettings(&reader)
        self.vault = VaultSettings(&reader)
        self.channel = ChannelSettings(&reader)
        self.issuer = IssuerSettings.read(&reader)
        self.authentication = AuthenticationSettings(&reader)
        self.egress = EgressSettings(&reader)
        self.catalog = CatalogSettings(&reader, egress: self.egress)
        self.sandbox = SandboxSettings(&reader)
        self.policies = PolicySettings(&reader)
        self.engine = EngineSettings(&reader, sandbox: self.sandbox)
        self.gateway = GatewaySettings(&reader)
        self.mcp = MCPSettings(&reader, gateway: self.gateway)
        self.sessions = SessionsSettings(&reader)
        self.isPreviousVersion = reader.testFlag("roost.test.previous_version")
    }

    /// Reads the settings that an environment and the file it names give.
    ///
    /// - Throws: `ConfigurationError` with every fault.
    package static func load(environment: [String: String]) async throws -> InstallationSettings {
        var reader = SettingsReader(try await SettingsSource.open(environment: environment))
        let settings = InstallationSettings(&reader)
        try reader.finish()
        return settings
    }

    /// Every key with its type, default and meaning, in the order of the documentation.
    package static func definitions() async throws -> [SettingDefinition] {
        var reader = SettingsReader(try await SettingsSource.open(environment: [:]))
        _ = InstallationSettings(&reader)
        return reader.definitions
    }
}
