import Catalog
import Egress
import JSON
import Model
import OpenAPI
import Policies
import Store
import TestSupport
import Testing
import Vault

/// A catalog over an empty database, with one organization and two people in it.
struct CatalogFixture {
    let store: Store
    let catalog: Catalog
    let upstream: FakeUpstream
    let tenant: TestTenant
    let organization: OrganizationID
    let principal: Principal
    /// Somebody else in the same organization.
    let other: Principal

    var editor: CatalogEditor { self.catalog.editor }

    /// Runs `body` with a fresh one.
    static func run(
        upstream: FakeUpstream = FakeUpstream(json: "{}"), builtIn: BuiltInIntegration? = nil, limits: CatalogLimits = CatalogLimits(),
        _ body: (CatalogFixture) async throws -> Void
    ) async throws {
        try await withTemporaryStore { store in
            let tenant = try await store.makeTenant()
            let other = try await store.accounts.create(in: tenant.organization.id, name: "other")
            try await body(
                CatalogFixture(
                    store: store,
                    catalog: Catalog(
                        store: store, vault: Vault(keyring: Keyring(current: VaultKey()), store: store), upstream: upstream,
                        builtIn: builtIn, limits: limits),
                    upstream: upstream, tenant: tenant, organization: tenant.organization.id, principal: tenant.principal,
                    other: Principal(
                        organization: tenant.organization.id, account: other.id, role: .agent, method: .apiKey(APIKeyID()))))
        }
    }

    /// The organization's revision, as the engine reads it before every call.
    func revision() async throws -> Int64 { try await self.store.organizations.revision(of: self.organization) ?? 0 }

    /// Adds the pets document, with a connection.
    @discardableResult
    func addPets(
        slug: String = "pets", connection: String? = "main", credentials: [String: Secret] = ["token": Secret("s3cret-token-value")],
        document: String = Documents.pets
    ) async throws -> IngestOutcome {
        let outcome = try await self.editor.addIntegration(
            NewIntegration(source: .document(Array(document.utf8)), slug: slug), in: self.organization)
        if let connection { try await self.connect(outcome.integration.integration.id, name: connection, credentials: credentials) }
        return outcome
    }

    /// Adds a connection of the organization, or of a person.
    @discardableResult
    func connect(
        _ integration: IntegrationID, name: String = "main", owner: Principal? = nil, method: String? = nil,
        credentials: [String: Secret] = ["token": Secret("s3cret-token-value")], baseURL: String? = nil
    ) async throws -> ConnectionRecord {
        try await self.editor.addConnection(
            NewConnection(
                integration: integration, owner: owner == nil ? .organization : .user, account: (owner ?? self.principal).account,
                name: name,
                method: method, credentials: credentials, baseURL: baseURL), in: self.organization)
    }

    /// An address that is well formed.
    func address(_ text: String) throws -> ToolAddress { try #require(ToolAddress(text)) }

    /// The tool at an address, at the current revision.
    func tool(_ address: String, for principal: Principal? = nil) async throws -> ResolvedTool? {
        guard let address = ToolAddress(address) else { return nil }
        return try await self.catalog.tool(at: address, principal: principal ?? self.principal, revision: try await self.revision())
    }

    /// Calls a tool as a program would.
    func call(_ address: String, _ arguments: JSONObject = [:], for principal: Principal? = nil) async throws -> ToolResult? {
        guard let tool = try await self.tool(address, for: principal) else { return nil }
        do {
            let call = try tool.prepare(arguments)
            return try await call.invoke(principal: principal ?? self.principal, execution: ExecutionID()).result.get()
        } catch let error as ToolError {
            return .failure(error)
        }
    }

    /// The paths that a search gives.
    func search(
        _ query: String, namespace: String? = nil, limit: Int = 12, offset: Int = 0, for principal: Principal? = nil,
        policies: PolicySet = .empty
    ) async throws -> [String] {
        try await self.catalog.search(
            ToolSearch(query: query, namespace: namespace, limit: limit, offset: offset), principal: principal ?? self.principal,
            revision: try await self.revision(), policies: policies
        ).items.map(\.address.description)
    }

    /// Policies that block by pattern.
    static func blocking(_ patterns: String...) throws -> PolicySet {
        try PolicySet(
            patterns.map { Policy(id: PolicyID(), pattern: $0, action: .block, createdAt: Timestamp(microseconds: 0)) })
    }
}

extension ToolResult {
    /// The data of a success as text.
    var data: String? { if case .success(let data, _) = self { data.string } else { nil } }

    /// The error of a failure.
    var error: ToolError? { if case .failure(let error) = self { error } else { nil } }
}
