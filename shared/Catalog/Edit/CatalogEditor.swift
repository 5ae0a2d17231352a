import Egress
import JSON
package import Model
import OpenAPI
package import Store
import Synchronization
import Vault

/// Changes the catalog: adds, refreshes and removes integrations and connections.
///
/// Who may do that is the caller's to check. A document is fetched and read before any transaction begins, and the change itself is one
/// transaction: a reader sees the catalog before or after it, never in between, and a refused change leaves nothing behind.
package struct CatalogEditor: Sendable {
    private let store: Store
    private let vault: any SecretSealing
    private let fetcher: DocumentFetcher
    private let builtIn: BuiltInIntegration?
    private let limits: CatalogLimits
    private let gate: ReadGate

    init(
        store: Store, vault: any SecretSealing, fetcher: DocumentFetcher, builtIn: BuiltInIntegration?, limits: CatalogLimits,
        gate: ReadGate
    ) {
        self.store = store
        self.vault = vault
        self.fetcher = fetcher
        self.builtIn = builtIn
        self.limits = limits
        self.gate = gate
    }

    // MARK: Integrations

    /// Adds an integration from its document.
    ///
    /// - Throws: ``CatalogError``, or what the database throws.
    package func addIntegration(_ new: NewIntegration, in organization: OrganizationID) async throws -> IngestOutcome {
        if let slug = new.slug { try NameRules.checkSlug(slug) }
        if let name = new.name { try NameRules.checkLabel(name, "An integration's name") }
        let baseURL = try Self.checkedBaseURL(new.baseURL)
        // Before the document is fetched, so that most clashes cost nothing; the unique index decides about the rest.
        if let slug = new.slug, try await self.store.integrations.find(slug: slug, in: organization) != nil { throw Self.slugTaken(slug) }
        let read = try await self.read(new.source, keeping: [:])
        let slug = new.slug ?? NameRules.slug(from: read.source.title)
        let title = Self.label(read.source.title)
        let draft = IntegrationDraft(
            slug: slug, kind: .openAPI, name: new.name ?? (title.isEmpty ? slug : title),
            description: self.description(new.description ?? read.source.summary), config: JSONText(read.source.configuration.json),
            baseURL: baseURL,
            documentURL: read.storedURL, document: read.bytes)
        do {
            let record = try await self.store.integrations.add(draft, tools: Self.toolSet(read.source), in: organization)
            return self.outcome(record, read.source, before: [])
        } catch let error as StoreError where error.code == .alreadyExists {
            throw Self.slugTaken(slug)
        }
    }

    /// Reads an integration's document again, or a new one, and replaces its tools. Its connections stay, and operations keep the names
    /// of their tools.
    ///
    /// - Parameter source: Nil to fetch the document from where it came.
    package func refresh(
        _ integration: IntegrationID, from source: DocumentSource? = nil, in organization: OrganizationID
    ) async throws -> IngestOutcome {
        let record = try await self.changeable(integration, in: organization)
        guard let source = source ?? record.documentURL.map(DocumentSource.url) else {
            throw CatalogError(.invalidSource, "The integration's document was handed in and not fetched. Hand in the new one.")
        }
        let before = try await self.toolNames(of: record, in: organization)
        let read = try await self.read(source, keeping: before.byKey)
        let draft = IntegrationDraft(
            id: integration, slug: record.integration.slug, kind: record.integration.kind, name: record.integration.name,
            description: record.integration.description, config: JSONText(read.source.configuration.json), baseURL: record.baseURL,
            documentURL: read.storedURL, document: read.bytes)
        let refreshed = try await self.store.integrations.refresh(draft, tools: Self.toolSet(read.source), in: organization)
        return self.outcome(refreshed, read.source, before: before.all)
    }

    /// Removes an integration with its connections and their credentials.
    package func removeIntegration(_ integration: IntegrationID, in organization: OrganizationID) async throws {
        _ = try await self.changeable(integration, in: organization)
        try await Self.asCatalogErrors { try await self.store.integrations.remove(integration, in: organization) }
    }

    // MARK: Connections

    /// Adds a connection: checks its name, the way to sign in and that all credentials are there, and seals them.
    package func addConnection(_ new: NewConnection, in organization: OrganizationID) async throws -> ConnectionRecord {
        try NameRules.checkConnectionName(new.name)
        let baseURL = try Self.checkedBaseURL(new.baseURL)
        let record = try await self.changeable(new.integration, in: organization)
        let configuration = (try? record.config.value(limits: self.limits.json)).flatMap(OpenAPIConfiguration.init(json:))
        let methods = configuration?.authMethods ?? [.none]
        guard let method = new.method.map({ slug in methods.first { $0.slug == slug } }) ?? methods.first else {
            throw CatalogError(
                .unknownMethod, "The integration has no such way to sign in. It has: \(methods.map(\.slug).joined(separator: ", ")).")
        }
        // What a reference leads to is checked at each use; that it is there, when it is sealed below.
        let named = new.credentials.merging(new.references.mapValues { Secret("\($0)") }) { value, _ in value }
        var faults = CredentialSet.faults(of: named, for: method)
        for name in new.references.keys.sorted() where new.credentials[name] != nil {
            faults.append((name, "has both a value and a reference"))
        }
        guard faults.isEmpty else {
            let words = faults.map { "`\($0.variable)` \($0.message)" }.joined(separator: ", ")
            let wanted = method.variables.isEmpty ? "no credentials" : method.variables.map { "`\($0.name)`" }.joined(separator: " and ")
            throw CatalogError(.invalidCredentials, "The method `\(method.slug)` takes \(wanted): \(words).")
        }
        let draft = ConnectionDraft(
            integration: new.integration, owner: new.owner, account: new.owner == .user ? new.account : nil, name: new.name,
            method: method.slug,
            baseURL: baseURL)
        var attempt = 1
        while true {
            let secrets = try await self.seal(new, for: draft.id, in: organization)
            do {
                return try await Self.asCatalogErrors { try await self.store.connections.add(draft, secrets: secrets, in: organization) }
            } catch let error as StoreError where error.code == .retiredKey && attempt < Self.maxSealings {
                attempt += 1
            }
        }
    }

    /// How often credentials are sealed for one connection, when the organization gets a new data key each time before they are stored.
    private static let maxSealings = 5

    private func seal(_ new: NewConnection, for connection: ConnectionID, in organization: OrganizationID) async throws -> [SealedSecret] {
        var sealed: [SealedSecret] = []
        do {
            for (name, value) in new.credentials.sorted(by: { $0.key < $1.key }) {
                sealed.append(try await self.vault.seal(value, name: name, of: connection, in: organization))
            }
            for (name, reference) in new.references.sorted(by: { $0.key < $1.key }) {
                sealed.append(try await self.vault.seal(reference, name: name, of: connection, in: organization))
            }
        } catch let error as VaultError where [.referenceRefused, .secretMissing].contains(error.code) {
            throw CatalogError(.invalidCredentials, error.message)
        }
        return sealed
    }

    /// Removes a connection with its credentials.
    package func removeConnection(_ connection: ConnectionID, in organization: OrganizationID) async throws {
        try await Self.asCatalogErrors { try await self.store.connections.remove(connection, in: organization) }
    }

    // MARK: Reading a document

    private struct Read {
        let source: OpenAPISource
        let bytes: [UInt8]
        /// The URL to fetch from at the next refresh: the one that was given and not the one that answered.
        let storedURL: String?
    }

    private func read(_ source: DocumentSource, keeping names: [String: String]) async throws -> Read {
        try await self.gate.whileEntered {
            let document: (bytes: [UInt8], url: String?)
            var storedURL: String?
            switch source {
            case .url(let url):
                let fetched = try await self.fetcher.fetch(url)
                document = (fetched.bytes, fetched.url)
                storedURL = url
            case .document(let bytes): document = (bytes, nil)
            }
            do {
                let limits = self.limits.document
                let source = try await ReadingThread.run {
                    try OpenAPIDocument(reading: document.bytes, url: document.url, limits: limits).ingest(keeping: names, limits: limits)
                }
                return Read(source: source, bytes: document.bytes, storedURL: storedURL)
            } catch let error as OpenAPIError {
                throw CatalogError(.documentRefused, error.message, reason: error.code.description)
            }
        }
    }

    /// The tools that an integration has, and by operation for those whose bindings can be read.
    private func toolNames(
        of record: IntegrationRecord, in organization: OrganizationID
    ) async throws -> (all: Set<String>, byKey: [String: String]) {
        var all = Set<String>()
        var byKey: [String: String] = [:]
        for tool in try await self.store.tools.all(of: record.integration.id, in: organization) {
            all.insert(tool.name)
            guard let binding = (try? tool.binding.value(limits: self.limits.json)).flatMap(OperationBinding.init(json:)) else { continue }
            byKey[binding.key] = tool.name
        }
        return (all, byKey)
    }

    private static func toolSet(_ source: OpenAPISource) -> ToolSet {
        ToolSet(
            tools: source.tools.map { tool in
                ToolDraft(
                    name: tool.name, description: tool.description, effect: tool.effect, binding: JSONText(tool.binding.json),
                    inputSchema: tool.inputSchema, outputSchema: tool.outputSchema)
            }, definitions: source.definitions)
    }

    private func outcome(_ record: IntegrationRecord, _ source: OpenAPISource, before: Set<String>) -> IngestOutcome {
        let now = source.tools.map(\.name)
        return IngestOutcome(
            integration: IntegrationDetails(record, source.configuration), addedTools: now.filter { !before.contains($0) },
            removedTools: before.subtracting(now).sorted(), faults: source.faults, unlistedFaultCount: source.unlistedFaultCount)
    }

    // MARK: Checks

    private func changeable(_ integration: IntegrationID, in organization: OrganizationID) async throws -> IntegrationRecord {
        guard integration != self.builtIn?.record.id else {
            throw CatalogError(.readOnly, "Roost's own API is part of every organization and cannot be changed.")
        }
        guard let record = try await self.store.integrations.find(integration, in: organization) else { throw Self.noIntegration }
        return record
    }

    private static func checkedBaseURL(_ text: String?) throws(CatalogError) -> String? {
        guard let text, !text.isEmpty else { return nil }
        do {
            return try EgressURL(parsing: text, maxBytes: 2_048).text
        } catch {
            throw CatalogError(.invalidBaseURL, "The base URL cannot be used. \(error.message)")
        }
    }

    /// The description as it is kept: bounded, since documents hold whole manuals.
    private func description(_ text: String) -> String {
        let maxCharacters = 2_000
        return text.count <= maxCharacters ? text : text.prefix(maxCharacters - 1) + "…"
    }

    private static func label(_ title: String) -> String {
        String(title.split(whereSeparator: \.isWhitespace).joined(separator: " ").prefix(200))
    }

    private static func slugTaken(_ slug: String) -> CatalogError {
        CatalogError(.integrationExists, "The organization already has an integration `\(slug)`. Choose another slug.")
    }

    private static let noIntegration = CatalogError(.notFound, "There is no such integration.")

    private static func asCatalogErrors<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as StoreError where error.code == .alreadyExists {
            throw CatalogError(.connectionExists, "The integration already has a connection with this name. Choose another name.")
        } catch let error as StoreError where error.code == .notFound {
            throw CatalogError(.notFound, error.message.prefix(1).uppercased() + error.message.dropFirst() + ".")
        }
    }
}

extension IntegrationDetails {
    init(_ record: IntegrationRecord, _ configuration: OpenAPIConfiguration) {
        self.init(
            integration: record.integration, authMethods: configuration.authMethods, server: record.baseURL ?? configuration.server,
            documentURL: record.documentURL, canRemove: true, canRefresh: record.documentURL != nil)
    }
}
