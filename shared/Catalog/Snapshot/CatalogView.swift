import JSON
import Model
import OpenAPI
import Store

/// What one principal has: the organization's integrations, and the connections that it may use. Immutable; made for one revision.
final class CatalogView: Sendable {
    /// An integration with what calls need of it.
    struct Source: Sendable {
        let record: Integration
        let configuration: OpenAPIConfiguration
        /// The integration's own base URL, where it has one.
        let baseURL: String?
        /// Names the state of its tools: raised by every refresh.
        let revision: Int64
        let isBuiltIn: Bool
    }

    /// A connection that the principal may use.
    struct Access: Sendable, Hashable {
        let owner: ToolAddress.Owner
        let name: String
        let method: String
        let baseURL: String?
        /// Nil for the one connection of the built-in integration.
        let id: ConnectionID?
    }

    /// In the order of slugs.
    let sources: [Source]
    private let positions: [String: Int]
    private let accesses: [String: [Access]]

    init(integrations: [IntegrationRecord], connections: [ConnectionRecord], builtIn: BuiltInIntegration?) {
        var sources = integrations.filter { builtIn == nil || $0.integration.slug != BuiltInIntegration.slug }.map { record in
            Source(
                record: record.integration,
                // A configuration of an unknown form is one that a later version wrote: its tools are listed, and calls say what to do.
                configuration: (try? record.config.value()).flatMap(OpenAPIConfiguration.init(json:))
                    ?? OpenAPIConfiguration(server: nil, authMethods: [.none]),
                baseURL: record.baseURL, revision: record.revision, isBuiltIn: false)
        }
        var accesses: [String: [Access]] = [:]
        for record in connections {
            let connection = record.connection
            accesses[record.integrationSlug, default: []].append(
                Access(
                    owner: connection.owner, name: connection.name, method: connection.method, baseURL: record.baseURL, id: connection.id))
        }
        if let builtIn {
            sources.append(
                Source(record: builtIn.record, configuration: builtIn.source.configuration, baseURL: nil, revision: 0, isBuiltIn: true))
            accesses[BuiltInIntegration.slug] = [
                Access(owner: .organization, name: BuiltInIntegration.connectionName, method: AuthMethod.none.slug, baseURL: nil, id: nil)
            ]
        }
        self.sources = sources.sorted { $0.record.slug < $1.record.slug }
        self.positions = Dictionary(self.sources.enumerated().map { ($0.element.record.slug, $0.offset) }) { first, _ in first }
        self.accesses = accesses.mapValues { $0.sorted { ($0.owner.rawValue, $0.name) < ($1.owner.rawValue, $1.name) } }
    }

    /// The integration with a slug.
    func source(_ slug: String) -> Source? { self.positions[slug].map { self.sources[$0] } }

    /// The connections of an integration, in the order of addresses.
    func accesses(of slug: String) -> [Access] { self.accesses[slug] ?? [] }

    /// The integration and connection that an address names.
    func find(_ address: ToolAddress) -> (source: Source, access: Access)? {
        guard let source = self.source(address.integration),
            let access = self.accesses(of: address.integration).first(where: { $0.owner == address.owner && $0.name == address.connection })
        else { return nil }
        return (source, access)
    }
}
