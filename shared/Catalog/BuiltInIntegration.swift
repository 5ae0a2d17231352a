package import Egress
import JSON
package import Model
package import OpenAPI

/// Roost's own API as an integration that every organization has: slug `roost`, connection `org.main`.
///
/// It is made from the document that the gateway generates from its routes, is never stored, and needs no credentials of anybody: each
/// call acts as the principal that runs the program, with a token made for it.
package struct BuiltInIntegration: Sendable {
    /// What calls need at run time; the services know it.
    package struct Access: Sendable {
        /// Where a gateway listens internally; nil while none does.
        package let target: @Sendable () async throws -> InternalTarget?
        /// Makes the token for one call of one execution.
        package let token: @Sendable (Principal, ExecutionID) async throws -> Secret

        package init(
            target: @escaping @Sendable () async throws -> InternalTarget?,
            token: @escaping @Sendable (Principal, ExecutionID) async throws -> Secret
        ) {
            self.target = target
            self.token = token
        }
    }

    /// The slug, which no other integration may have.
    package static let slug = "roost"
    /// The id under which it is listed in every organization.
    package static let id = IntegrationID(trusted: "int_00000000-0000-7000-8000-000000000000")
    /// The name of its one connection.
    package static let connectionName = "main"

    let record: Integration
    let source: OpenAPISource
    let tools: ToolList
    let access: Access
    private let positions: [String: Int]
    private let definitions: [String: JSONText]

    /// Reads the document.
    ///
    /// - Throws: `OpenAPIError` when the document is not one, which is a fault of the program and ends the start of the service.
    package init(document: [UInt8], access: Access, limits: CatalogLimits = CatalogLimits()) throws(OpenAPIError) {
        // Only the path of the server URL counts: calls go to the internal address.
        let source = try OpenAPIDocument(reading: document, url: "http://roost.invalid/", limits: limits.document).ingest(
            limits: limits.document)
        self.source = source
        self.access = access
        self.tools = ToolList(tools: source.tools.map { ToolEntry(name: $0.name, description: $0.description, effect: $0.effect) })
        self.positions = Dictionary(source.tools.enumerated().map { ($0.element.name, $0.offset) }) { first, _ in first }
        self.definitions = Dictionary(source.definitions.map { ($0.name, $0.schema) }) { first, _ in first }
        self.record = Integration(
            id: Self.id, slug: Self.slug, kind: .roost, name: "Roost",
            description: source.summary.isEmpty
                ? "Roost's own API: this organization's tools, executions, policies and so on." : source.summary,
            toolCount: source.tools.count, createdAt: Timestamp(microseconds: 0), updatedAt: Timestamp(microseconds: 0))
    }

    /// The tool with a name.
    func tool(_ name: String) -> OpenAPITool? { self.positions[name].map { self.source.tools[$0] } }

    /// The named definitions.
    func definitions(_ names: [String]) -> [String: JSONText] {
        Dictionary(names.compactMap { name in self.definitions[name].map { (name, $0) } }) { first, _ in first }
    }
}
