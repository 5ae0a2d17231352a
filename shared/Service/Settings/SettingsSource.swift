import Configuration
import SystemPackage
import Yams

/// Where configuration values come from: the environment first, then one YAML file.
///
/// The file's path stands in the environment variable `ROOST_CONFIG`. Beside the values the source knows which keys were *given*, so
/// that a misspelt key is an error instead of a silently kept default.
package struct SettingsSource: Sendable {
    let config: ConfigReader
    /// Environment variables that begin with `ROOST_`, `ROOST_CONFIG` excepted.
    let environmentNames: [String]
    /// The file's leaf keys, dotted.
    let fileKeys: [String]

    /// Opens the sources that an environment names.
    ///
    /// - Throws: ``ConfigurationError`` when the file cannot be read or is not a YAML mapping.
    package static func open(environment: [String: String]) async throws -> SettingsSource {
        var providers: [any ConfigProvider] = [EnvironmentVariablesProvider(environmentVariables: environment)]
        var fileKeys: [String] = []
        if let path = environment[Self.fileVariable], !path.isEmpty {
            do {
                let provider = try await FileProvider<YAMLSnapshot>(filePath: FilePath(path))
                providers.append(provider)
                fileKeys = try Self.leafKeys(ofFileAt: path)
            } catch {
                let message = "the file it names cannot be used: \(error)"
                throw ConfigurationError(faults: [SettingFault(key: Self.fileVariable, message: message)])
            }
        }
        let names = environment.keys.filter { $0.hasPrefix("ROOST_") && $0 != Self.fileVariable }
        return SettingsSource(config: ConfigReader(providers: providers), environmentNames: names.sorted(), fileKeys: fileKeys.sorted())
    }

    /// Whether anybody gives the key a value.
    func gives(_ key: String) -> Bool {
        self.environmentNames.contains(SettingDefinition.environmentName(of: key)) || self.fileKeys.contains(key)
    }

    /// The variable that names the configuration file.
    package static let fileVariable = "ROOST_CONFIG"

    private static func leafKeys(ofFileAt path: String) throws -> [String] {
        let text = try String(decoding: readFile(at: path, maxBytes: 1 << 20), as: UTF8.self)
        var leaves: [String] = []
        func walk(_ node: Yams.Node, _ key: String) {
            guard let mapping = node.mapping else { return leaves.append(key) }
            for (name, value) in mapping {
                walk(value, key.isEmpty ? name.string ?? "?" : "\(key).\(name.string ?? "?")")
            }
        }
        if let root = try Yams.compose(yaml: text) { walk(root, "") }
        return leaves
    }
}
