import SystemPackage

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What `roost dev` was asked for, worked out from the environment.
struct DevPlan {
    let port: Int
    let dataFolder: FilePath
    /// What both services get: the caller's environment with full keys instead of the two variables of `roost dev`.
    let serviceEnvironment: [String: String]
    /// What the supervisor itself reads: the same, and how the owner of the tables is reached, which no service is told.
    let environment: [String: String]

    /// Whether the supervisor itself is to stop when its standard input ends, as its services do; for whoever starts it from a program.
    let exitsWithStandardInput: Bool
    var keysFile: String { self.dataFolder.appending("keys.json").string }

    /// - Throws: ``UsageError`` when a variable is no port or no path.
    init(environment: [String: String]) throws {
        let portText = environment[Self.portVariable] ?? "4400"
        guard let port = Int(portText), (0...65_535).contains(port) else {
            throw UsageError("ROOST_PORT must be a port, a whole number from 0 to 65535.")
        }
        self.port = port == 0 ? try PortCheck.findFree() : port
        let folder = FilePath(environment[Self.folderVariable] ?? ".roost")
        guard !folder.isEmpty else { throw UsageError("ROOST_DATA_DIR must be a path.") }
        self.dataFolder = folder.isAbsolute ? folder : Self.workingFolder.pushing(folder).lexicallyNormalized()
        self.exitsWithStandardInput = environment[Self.lifelineVariable] == "true"
        var services = environment
        services[Self.portVariable] = nil
        services[Self.folderVariable] = nil
        for (name, value) in [
            ("ROOST_CHANNEL_KEY_FILE", self.dataFolder.appending("channel.key").string),
            ("ROOST_GATEWAY_HOST", "127.0.0.1"), ("ROOST_GATEWAY_PORT", String(self.port)),
            (Self.lifelineVariable, "true"),
        ] {
            services[name] = value
        }
        // The key's place is the one thing of these that somebody may want elsewhere.
        if !["FILE", "VARIABLE", "COMMAND"].contains(where: { environment["ROOST_VAULT_KEY_\($0)"] != nil }) {
            services["ROOST_VAULT_KEY_FILE"] = self.dataFolder.appending("vault.key").string
        }
        if environment[Self.databaseVariable] == nil {
            services[Self.databaseVariable] = "sqlite:\(self.dataFolder.appending("roost.db"))"
        }
        self.environment = services
        services["ROOST_DATABASE_OWNER_URL"] = nil
        self.serviceEnvironment = services
    }

    private static let databaseVariable = "ROOST_DATABASE_URL"
    private static let portVariable = "ROOST_PORT"
    private static let folderVariable = "ROOST_DATA_DIR"
    private static let lifelineVariable = "ROOST_SERVICE_EXIT_WITH_STANDARD_INPUT"

    private static var workingFolder: FilePath {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return FilePath(platformString: path)
    }
}
