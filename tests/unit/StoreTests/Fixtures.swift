import Database
import JSON
import Model
import Store
import TestSupport
import Testing

/// One organization with a row of every kind. What other organizations could ask for (slugs, names, issuers) holds its name; what they
/// must never see holds ``hidden``.
struct Populated {
    let tenant: TestTenant
    let name: String
    let account: Account
    let key: APIKey
    let keyHash: SecretHash
    let policy: Policy
    let integration: IntegrationRecord
    let connection: ConnectionRecord
    let session: SessionRecord
    let sessionHash: SecretHash
    let stream: SessionStreamID
    let execution: ExecutionID
    let blob: BlobHash
    let dataKey: WrappedDataKey

    var organization: OrganizationID { self.tenant.organization.id }
    var hidden: String { "\(self.name)-hidden" }
    var tool: String { "\(self.name).list" }
    /// Holds ``hidden``.
    var address: ToolAddress { ToolAddress(integration: self.hidden, owner: .organization, connection: "main", tool: self.tool) }
}

extension Store {
    /// Fills an organization called `name`.
    func populate(_ name: String) async throws -> Populated {
        let hidden = "\(name)-hidden"
        let tenant = try await self.makeTenant(name)
        let organization = tenant.organization.id
        let account = try await self.accounts.create(in: organization, name: hidden, issuer: "https://\(name)", subject: name)
        let keyHash = SecretHash(of: "\(name) key")
        let key = try await self.keys.create(in: organization, account: account.id, role: .admin, name: hidden, hash: keyHash)
        let policy = try await self.policies.create(in: organization, pattern: "\(hidden).**", action: .block)
        let document = Array(hidden.utf8)
        let integration = try await self.integrations.add(
            .sample(slug: name, text: hidden, document: document), tools: .sample(name: name, text: hidden), in: organization)
        let draft = ConnectionDraft(
            integration: integration.integration.id, owner: .organization, account: nil, name: name, method: hidden, baseURL: hidden)
        let secrets = [SealedSecret(name: hidden, sealed: document, keyVersion: 1)]
        let connection = try await self.connections.add(draft, secrets: secrets, in: organization)
        let dataKey = try await self.dataKeys.add(
            WrappedDataKey(version: 1, vaultKeyID: "vk_\(hidden)", wrapped: document), in: organization)
        let sessionHash = SecretHash(of: "\(name) session")
        let session = try await self.sessions.create(.sample(tenant, hash: sessionHash, resource: hidden))
        let stream = SessionStreamID()
        var bounds = SessionStreamBounds()
        // Its time is up at once for the purge.
        bounds.lifetime = .seconds(-60)
        _ = try await self.sessionStreams.open(
            stream, request: "\"\(hidden)\"", execution: ExecutionID(), of: session.id, in: organization, by: tenant.lease,
            within: bounds)
        let execution = ExecutionDraft.sample(tenant, codeHash: hidden)
        try await self.executions.start(execution)
        let populated = Populated(
            tenant: tenant, name: name, account: account, key: key, keyHash: keyHash, policy: policy, integration: integration,
            connection: connection, session: session, sessionHash: sessionHash, stream: stream, execution: execution.id,
            blob: BlobHash(of: document),
            dataKey: dataKey)
        let call = ExecutionCallDraft(sequence: 1, address: populated.address, effect: .write)
        try await self.calls.start(call, of: execution.id, in: organization, by: tenant.lease)
        return populated
    }
}

extension IntegrationDraft {
    static func sample(slug: String = "petstore", text: String = "text", document: [UInt8]? = nil) -> IntegrationDraft {
        IntegrationDraft(
            slug: slug, kind: .openAPI, name: text, description: text, config: JSONText(["auth": .string(text)]), baseURL: text,
            documentURL: text, document: document)
    }
}

extension ToolSet {
    /// One tool, `<name>.list`, with a schema and a definition.
    static func sample(name: String = "pets", text: String = "pets") -> ToolSet {
        let tool = ToolDraft(
            name: "\(name).list", description: text, effect: .read, binding: JSONText(["path": .string(text)]),
            inputSchema: JSONText(["title": .string(text)]), outputSchema: nil)
        return ToolSet(tools: [tool], definitions: [(name: name, schema: JSONText(["title": .string(text)]))])
    }

    /// `count` tools without schemas, named so that they sort by number.
    static func numbered(_ count: Int) -> ToolSet {
        ToolSet(
            tools: (0..<count).map { number in
                let name = "tool" + String(repeating: "0", count: 6 - String(number).count) + String(number)
                return ToolDraft(
                    name: name, description: "number \(number)", effect: number.isMultiple(of: 2) ? .read : .write,
                    binding: JSONText(["n": .number(JSONNumber(number))]), inputSchema: number % 3 == 0 ? nil : JSONText(["type": "object"])
                )
            })
    }
}

extension SessionDraft {
    static func sample(
        _ tenant: TestTenant, hash: SecretHash = SecretHash(of: "\(SessionRecordID())"), resource: String = "https://roost/mcp"
    ) -> SessionDraft {
        SessionDraft(
            hash: hash, principal: tenant.principal, resource: resource, protocolVersion: "2025-11-25",
            clientInfo: JSONText(["name": "test"]), clientCapabilities: JSONText(["elicitation": [:]]), owner: tenant.lease)
    }
}

extension ExecutionDraft {
    static func sample(_ tenant: TestTenant, session: SessionRecordID? = nil, codeHash: String = "c0de") -> ExecutionDraft {
        ExecutionDraft(
            principal: tenant.principal, session: session, client: session == nil ? .rest : .mcp, codeHash: codeHash, seed: .max,
            startedAt: Timestamp(microseconds: 1_700_000_000_000_001), owner: tenant.lease)
    }
}

/// Expects a refusal of one kind.
func expect<Result>(_ code: StoreError.Code, _ location: SourceLocation = #_sourceLocation, _ body: () async throws -> Result) async {
    do {
        _ = try await body()
        Issue.record("expected \(code), got a result", sourceLocation: location)
    } catch let error as StoreError {
        #expect(error.code == code, "\(error)", sourceLocation: location)
    } catch {
        Issue.record("expected \(code), got \(error)", sourceLocation: location)
    }
}

/// A store on the same database in whose eyes every replica's heartbeat is too old.
func storeThatSeesAllDead(_ database: any Database) -> Store {
    var limits = StoreLimits()
    limits.replicaLease = .zero
    return Store(database: database, limits: limits)
}

/// Walks a list from its first to its last page.
func walk<Item: Sendable>(limit: Int = 2, _ list: (PageRequest) async throws -> Page<Item>) async throws -> [Item] {
    var items: [Item] = []
    var request = PageRequest(limit: limit)
    while true {
        let page = try await list(request)
        #expect(page.items.count <= limit)
        items += page.items
        guard let next = page.next else { return items }
        #expect(page.items.count == limit)
        request.cursor = next
    }
}
