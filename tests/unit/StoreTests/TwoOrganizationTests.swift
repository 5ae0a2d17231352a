import Database
import Foundation
import JSON
import Model
import TestSupport
import Testing

@testable import Store

/// Walks over every table and every verb with two organizations: with the one's organization and the other's ids nothing of the other
/// is seen or changed.
@Suite("Two organizations", .timeLimit(.minutes(2)))
struct TwoOrganizationTests {
    /// A verb called for `mine` with everything that `theirs` has to name.
    typealias Attempt = (_ store: Store, _ mine: Populated, _ theirs: Populated) async throws -> Any?

    @Test("No verb shows or changes another organization's rows", arguments: TestStoreKind.all)
    func walk(kind: TestStoreKind) async throws {
        try await withMigratedDatabase(kind) { database in
            let store = Store(database: database, limits: .patient)
            let theirs = try await store.populate("theirs")
            let before = try await Self.rows(of: theirs.organization, in: database)
            for (verb, attempt) in Self.attempts.sorted(by: { $0.key < $1.key }) {
                // Each attempt meets an organization of its own, so that what one removes the next still finds.
                let mine = try await store.populate("mine-\(UUID().uuidString.lowercased())")
                let shown: String
                do {
                    shown = String(reflecting: try await attempt(store, mine, theirs) as Any)
                } catch {
                    shown = "\(error)"
                    #expect(error is StoreError, "\(verb): \(error)")
                }
                #expect(!shown.contains(theirs.hidden), "\(verb) showed \(shown)")
                #expect(try await Self.rows(of: theirs.organization, in: database) == before, "\(verb) changed another organization")
            }
        }
    }

    @Test("The walk knows every verb that takes an organization, and every other verb is on the list of those that cross")
    func complete() throws {
        let verbs = try RepositoryVerb.all()
        #expect(verbs.count > 60)
        let (walked, declared) = (Set(Self.attempts.keys), Set(verbs.filter(\.takesOrganization).map(\.name)))
        #expect(declared.symmetricDifference(walked) == [], "add an attempt for it above, or remove the one for a verb that is gone")
        let crossing = Set(verbs.filter { !$0.takesOrganization }.map(\.name))
        #expect(crossing.symmetricDifference(Self.crossing) == [], "a verb without an organization needs a reason")
    }

    @Test(
        "Every table of the schema is a tenant's or the installation's, and a tenant's keys begin with the organization",
        arguments: TestStoreKind.all)
    func tables(kind: TestStoreKind) async throws {
        try await withMigratedDatabase(kind) { database in
            let connection = database.connection(in: .installation)
            let known = Schema.tenantTables + Schema.installationTables + ["schema_migrations", "schema_version"]
            let names = try await connection.all(kind.tableNames, as: { try $0.single(String.self) })
            #expect(names == known.sorted())
            #expect(Set(Schema.installationTables) == ["organization_revisions", "installation_keys", "replicas", "vault_keys"])
            #expect(Schema.sharedTables == ["organization_revisions"])
            for table in Schema.tenantTables {
                let first = try await connection.all(kind.firstKeyColumn, table, as: { try $0.single(String.self) })
                #expect(first == ["organization_id"], "\(table)")
                let references = try await connection.query(kind.referencesWithoutOrganization, values: [table.databaseValue])
                #expect(references.isEmpty, "\(table) refers to a row without its organization")
            }
        }
    }

    @Test("A filled organization has a row in every tenant table, so that the walk has something to find", arguments: TestStoreKind.all)
    func filled(kind: TestStoreKind) async throws {
        try await withMigratedDatabase(kind) { database in
            let store = Store(database: database, limits: .patient)
            let filled = try await store.populate("filled")
            for (table, rows) in try await Self.rows(of: filled.organization, in: database) { #expect(!rows.isEmpty, "\(table)") }
        }
    }

    private static func rows(of organization: OrganizationID, in database: any Database) async throws -> [String: [DatabaseRow]] {
        var rows: [String: [DatabaseRow]] = [:]
        for table in Schema.tenantTables + ["organization_revisions"] {
            rows[table] = try await database.connection(in: .organization(organization)).query(
                Statement(generated: "SELECT * FROM \(table) WHERE organization_id = $1 ORDER BY 1, 2"),
                values: [organization.databaseValue])
        }
        return rows
    }

    /// Verbs that take no organization, each with a reason: the registry and the installation's keys are nobody's; a key names its
    /// organization; listing organizations is the installation's right; polls, sweeps, purges and what is announced give ids or counts.
    private static let crossing: Set = [
        "OrganizationRepository.find(slug:)", "OrganizationRepository.list(_:)", "KeyRepository.createInstallationKey(name:hash:id:)",
        "KeyRepository.find(hash:)", "KeyRepository.standing(hash:)", "KeyRepository.touch(_:)", "KeyRepository.listInstallationKeys(_:)",
        "KeyRepository.revokeInstallationKey(_:)", "ReplicaRepository.register(_:kind:address:version:)",
        "ReplicaRepository.heartbeat(_:load:isDraining:)", "ReplicaRepository.deregister(_:)", "ReplicaRepository.live(_:)",
        "ReplicaRepository.purge(olderThan:)", "SessionRepository.release(_:)", "SessionRepository.closedSessions(of:)",
        "SessionRepository.purge(state:olderThan:)", "DataKeyRepository.vaultKeys()", "DataKeyRepository.forget(vaultKey:)",
        "ExecutionRepository.cancelRequests(of:)", "ExecutionRepository.sweep(outcome:)", "OrganizationRepository.changes()",
        "ExecutionRepository.cancellations()", "SessionRepository.closings()", "ReplicaRepository.changes()",
        "SessionStreamRepository.purge()",
        "ReplicaRepository.deregisterAll(_:)",
    ]

    private static var attempts: [String: Attempt] {
        self.identity.merging(self.catalog) { $1 }.merging(self.sessions) { $1 }.merging(self.executions) { $1 }
    }

    private static var identity: [String: Attempt] {
        [
            "OrganizationRepository.create(id:name:slug:adminKey:)": { store, mine, theirs in
                await expect(.alreadyExists) {
                    try await store.organizations.create(name: "n", slug: mine.name + "-3", adminKey: theirs.keyHash)
                }
                return try await store.organizations.create(id: theirs.organization, name: "n", slug: mine.name + "-2")
            },
            "OrganizationRepository.find(_:)": { store, mine, _ in try await store.organizations.find(mine.organization) },
            "OrganizationRepository.revision(of:)": { store, mine, _ in try await store.organizations.revision(of: mine.organization) },
            "OrganizationRepository.revisions(of:)": { store, mine, _ in
                try await store.organizations.revisions(of: [mine.organization])
            },
            "AccountRepository.create(in:id:name:issuer:subject:)": { store, mine, theirs in
                try await store.accounts.create(
                    in: mine.organization, id: theirs.account.id, name: "n", issuer: theirs.account.issuer, subject: theirs.account.subject)
            },
            "AccountRepository.find(_:in:)": { store, mine, theirs in
                try await store.accounts.find(theirs.account.id, in: mine.organization)
            },
            "AccountRepository.find(issuer:subject:in:)": { store, mine, _ in
                try await store.accounts.find(issuer: "https://theirs", subject: "theirs", in: mine.organization)
            },
            "AccountRepository.findOrCreate(issuer:subject:name:in:)": { store, mine, _ in
                try await store.accounts.findOrCreate(issuer: "https://theirs", subject: "theirs", name: "n", in: mine.organization)
            },
            "AccountRepository.list(in:_:)": { store, mine, _ in try await store.accounts.list(in: mine.organization) },
            "AccountRepository.isActive(_:in:)": { store, mine, theirs in
                let isActive = try await store.accounts.isActive(theirs.account.id, in: mine.organization)
                #expect(!isActive)
                return isActive
            },
            "AccountRepository.disable(_:in:)": { store, mine, theirs in
                try await store.accounts.disable(theirs.account.id, in: mine.organization)
            },
            "AccountRepository.enable(_:in:)": { store, mine, theirs in
                try await store.accounts.enable(theirs.account.id, in: mine.organization)
            },
            "KeyRepository.create(in:account:role:name:hash:id:)": { store, mine, theirs in
                await expect(.alreadyExists) {
                    try await store.keys.create(in: mine.organization, role: .admin, name: "n", hash: theirs.keyHash)
                }
                return try await store.keys.create(
                    in: mine.organization, account: theirs.account.id, role: .admin, name: "n", hash: SecretHash(of: mine.name + "2"))
            },
            "KeyRepository.isActive(_:in:)": { store, mine, theirs in
                let isActive = try await store.keys.isActive(theirs.key.id, in: mine.organization)
                #expect(!isActive)
                return isActive
            },
            "KeyRepository.list(in:_:)": { store, mine, _ in try await store.keys.list(in: mine.organization) },
            "KeyRepository.revoke(_:in:)": { store, mine, theirs in try await store.keys.revoke(theirs.key.id, in: mine.organization) },
            "PolicyRepository.create(in:pattern:action:id:)": { store, mine, theirs in
                try await store.policies.create(in: mine.organization, pattern: "p", action: .allow, id: theirs.policy.id)
            },
            "PolicyRepository.all(in:)": { store, mine, _ in try await store.policies.all(in: mine.organization) },
            "PolicyRepository.list(in:_:)": { store, mine, _ in try await store.policies.list(in: mine.organization) },
            "PolicyRepository.find(_:in:)": { store, mine, theirs in try await store.policies.find(theirs.policy.id, in: mine.organization)
            },
            "PolicyRepository.update(_:action:in:)": { store, mine, theirs in
                try await store.policies.update(theirs.policy.id, action: .allow, in: mine.organization)
            },
            "PolicyRepository.remove(_:in:)": { store, mine, theirs in
                try await store.policies.remove(theirs.policy.id, in: mine.organization)
            },
        ]
    }

    private static var catalog: [String: Attempt] {
        [
            "IntegrationRepository.add(_:tools:in:)": { store, mine, theirs in
                var draft = IntegrationDraft.sample(slug: "theirs", document: Array("other".utf8))
                draft.id = theirs.integration.integration.id
                return try await store.integrations.add(draft, tools: .sample(name: "theirs"), in: mine.organization)
            },
            "IntegrationRepository.refresh(_:tools:in:)": { store, mine, theirs in
                var draft = IntegrationDraft.sample(slug: "theirs")
                draft.id = theirs.integration.integration.id
                return try await store.integrations.refresh(draft, tools: .sample(), in: mine.organization)
            },
            "IntegrationRepository.list(in:_:)": { store, mine, _ in try await store.integrations.list(in: mine.organization) },
            "IntegrationRepository.all(in:)": { store, mine, _ in try await store.integrations.all(in: mine.organization) },
            "IntegrationRepository.find(_:in:)": { store, mine, theirs in
                try await store.integrations.find(theirs.integration.integration.id, in: mine.organization)
            },
            "IntegrationRepository.find(slug:in:)": { store, mine, _ in
                try await store.integrations.find(slug: "theirs", in: mine.organization)
            },
            "IntegrationRepository.freeze(_:in:)": { store, mine, theirs in
                try await store.integrations.freeze(theirs.integration.integration.id, in: mine.organization)
            },
            "IntegrationRepository.unfreeze(_:in:)": { store, mine, theirs in
                try await store.integrations.unfreeze(theirs.integration.integration.id, in: mine.organization)
            },
            "IntegrationRepository.remove(_:in:)": { store, mine, theirs in
                try await store.integrations.remove(theirs.integration.integration.id, in: mine.organization)
            },
            "ToolRepository.replace(_:of:in:)": { store, mine, theirs in
                try await store.tools.replace(.sample(), of: theirs.integration.integration.id, in: mine.organization)
            },
            "ToolRepository.list(in:integration:_:)": { store, mine, theirs in
                let all = try await store.tools.list(in: mine.organization)
                return [all, try await store.tools.list(in: mine.organization, integration: theirs.integration.integration.id)]
            },
            "ToolRepository.count(in:)": { store, mine, _ in
                let count = try await store.tools.count(in: mine.organization)
                #expect(count == 1)
                return count
            },
            "ToolRepository.searchRows(of:in:)": { store, mine, theirs in
                try await store.tools.searchRows(
                    of: [mine.integration.integration.id, theirs.integration.integration.id], in: mine.organization)
            },
            "ToolRepository.all(of:in:)": { store, mine, theirs in
                try await store.tools.all(of: theirs.integration.integration.id, in: mine.organization)
            },
            "ToolRepository.find(_:integrationSlug:in:)": { store, mine, theirs in
                try await store.tools.find(theirs.tool, integrationSlug: "theirs", in: mine.organization)
            },
            "ToolRepository.schemas(of:integration:in:)": { store, mine, theirs in
                try await store.tools.schemas(of: theirs.tool, integration: theirs.integration.integration.id, in: mine.organization)
            },
            "ToolRepository.definitions(_:integration:in:)": { store, mine, theirs in
                try await store.tools.definitions(["theirs"], integration: theirs.integration.integration.id, in: mine.organization)
            },
            "ConnectionRepository.add(_:secrets:in:)": { store, mine, theirs in
                let draft = ConnectionDraft(
                    integration: theirs.integration.integration.id, owner: .organization, account: nil, name: "n", method: "none")
                return try await store.connections.add(draft, secrets: [], in: mine.organization)
            },
            "ConnectionRepository.list(in:visibleTo:_:)": { store, mine, theirs in
                let all = try await store.connections.list(in: mine.organization)
                return [all, try await store.connections.list(in: mine.organization, visibleTo: theirs.connection.connection.account)]
            },
            "ConnectionRepository.usable(by:in:)": { store, mine, theirs in
                try await store.connections.usable(by: theirs.account.id, in: mine.organization)
            },
            "ConnectionRepository.find(_:in:)": { store, mine, theirs in
                try await store.connections.find(theirs.connection.connection.id, in: mine.organization)
            },
            "ConnectionRepository.find(integrationSlug:owner:name:account:in:)": { store, mine, theirs in
                try await store.connections.find(
                    integrationSlug: "theirs", owner: .organization, name: "theirs", account: theirs.account.id, in: mine.organization)
            },
            "ConnectionRepository.remove(_:in:)": { store, mine, theirs in
                try await store.connections.remove(theirs.connection.connection.id, in: mine.organization)
            },
            "SecretRepository.read(owner:in:)": { store, mine, theirs in
                try await store.secrets.read(owner: theirs.connection.connection.id, in: mine.organization)
            },
            "SecretRepository.replace(_:owner:in:)": { store, mine, theirs in
                try await store.secrets.replace([], owner: theirs.connection.connection.id, in: mine.organization)
            },
            "SecretRepository.sealed(before:after:in:)": { store, mine, _ in
                let old = PlacedSecret(owner: "", secret: SealedSecret(name: "", sealed: [], keyVersion: 1))
                return [
                    try await store.secrets.sealed(before: 99, after: nil, in: mine.organization),
                    try await store.secrets.sealed(before: 99, after: old, in: mine.organization),
                ]
            },
            "SecretRepository.reseal(_:in:)": { store, mine, theirs in
                let theirSecret = SealedSecret(name: theirs.hidden, sealed: Array(theirs.hidden.utf8), keyVersion: 1)
                let changed = try await store.secrets.reseal(
                    [
                        (
                            PlacedSecret(owner: theirs.connection.connection.id.rawValue, secret: theirSecret),
                            SealedSecret(name: theirs.hidden, sealed: [], keyVersion: 2)
                        )
                    ], in: mine.organization)
                #expect(changed == 0)
                return changed
            },
            "DataKeyRepository.newest(in:)": { store, mine, _ in try await store.dataKeys.newest(in: mine.organization) },
            "DataKeyRepository.find(_:in:)": { store, mine, theirs in
                try await store.dataKeys.find(theirs.dataKey.version, in: mine.organization)
            },
            "DataKeyRepository.all(in:)": { store, mine, _ in try await store.dataKeys.all(in: mine.organization) },
            "DataKeyRepository.add(_:in:)": { store, mine, _ in
                let other = WrappedDataKey(version: 1, vaultKeyID: "other", wrapped: [0])
                let stored = try await store.dataKeys.add(other, in: mine.organization)
                #expect(stored == mine.dataKey)
                return stored
            },
            "DataKeyRepository.rewrap(_:from:in:)": { store, mine, theirs in
                let other = WrappedDataKey(version: theirs.dataKey.version, vaultKeyID: "other", wrapped: [0])
                return try await store.dataKeys.rewrap(other, from: theirs.dataKey.vaultKeyID, in: mine.organization)
            },
            "BlobRepository.put(_:in:)": { store, mine, theirs in
                try await store.blobs.put(Array(theirs.hidden.utf8), in: mine.organization)
            },
            "BlobRepository.content(_:in:)": { store, mine, theirs in
                try await store.blobs.content(theirs.blob, in: mine.organization).map { String(decoding: $0, as: UTF8.self) }
            },
            "BlobRepository.removeUnreferenced(in:)": { store, mine, _ in try await store.blobs.removeUnreferenced(in: mine.organization) },
        ]
    }

    private static var sessions: [String: Attempt] {
        [
            "SessionRepository.create(_:)": { store, mine, theirs in
                try await store.sessions.create(.sample(mine.tenant, hash: theirs.sessionHash))
            },
            "SessionRepository.route(hash:in:)": { store, mine, theirs in
                try await store.sessions.route(hash: theirs.sessionHash, in: mine.organization)
            },
            "SessionRepository.find(hash:in:)": { store, mine, theirs in
                try await store.sessions.find(hash: theirs.sessionHash, in: mine.organization)
            },
            "SessionRepository.find(_:in:)": { store, mine, theirs in
                try await store.sessions.find(theirs.session.id, in: mine.organization)
            },
            "SessionRepository.adopt(_:in:by:)": { store, mine, theirs in
                try await store.sessions.adopt(theirs.session.id, in: mine.organization, by: theirs.tenant.lease)
            },
            "SessionRepository.touch(_:in:by:)": { store, mine, theirs in
                try await store.sessions.touch(theirs.session.id, in: mine.organization, by: theirs.tenant.lease)
            },
            "SessionRepository.close(_:in:)": { store, mine, theirs in
                try await store.sessions.close(theirs.session.id, in: mine.organization)
            },
            "SessionRepository.makeRoom(for:in:limit:closingIdleFor:)": { store, mine, theirs in
                try await store.sessions.makeRoom(
                    for: theirs.tenant.account.id, in: mine.organization, limit: 0, closingIdleFor: .seconds(-60))
            },
            "SessionRepository.release(_:in:by:)": { store, mine, theirs in
                try await store.sessions.release(theirs.session.id, in: mine.organization, by: theirs.tenant.lease)
            },
            "SessionRepository.list(in:account:_:)": { store, mine, theirs in
                let all = try await store.sessions.list(in: mine.organization)
                return [all, try await store.sessions.list(in: mine.organization, account: theirs.tenant.account.id)]
            },
            "SessionStreamRepository.open(_:request:execution:of:in:by:within:)": { store, mine, theirs in
                await expect(.ownerLost) {
                    try await store.sessionStreams.open(
                        SessionStreamID(), request: "1", execution: theirs.execution, of: theirs.session.id, in: mine.organization,
                        by: theirs.tenant.lease, within: SessionStreamBounds())
                }
                return try await store.sessionStreams.open(
                    theirs.stream, request: "1", execution: theirs.execution, of: mine.session.id, in: mine.organization,
                    by: mine.tenant.lease,
                    within: SessionStreamBounds())
            },
            "SessionStreamRepository.end(_:of:in:by:with:within:)": { store, mine, theirs in
                await expect(.ownerLost) {
                    try await store.sessionStreams.end(
                        theirs.stream, of: mine.session.id, in: mine.organization, by: mine.tenant.lease, with: .silent,
                        within: SessionStreamBounds())
                }
                return try await store.sessionStreams.end(
                    theirs.stream, of: theirs.session.id, in: mine.organization, by: theirs.tenant.lease, with: .silent,
                    within: SessionStreamBounds())
            },
            "SessionStreamRepository.find(_:of:in:)": { store, mine, theirs in
                let own = try await store.sessionStreams.find(theirs.stream, of: mine.session.id, in: mine.organization)
                return [own, try await store.sessionStreams.find(theirs.stream, of: theirs.session.id, in: mine.organization)]
            },
        ]
    }

    private static var executions: [String: Attempt] {
        [
            "ExecutionRepository.start(_:)": { store, mine, theirs in
                var draft = ExecutionDraft.sample(mine.tenant)
                draft.id = theirs.execution
                return try await store.executions.start(draft)
            },
            "ExecutionRepository.finish(_:in:by:with:)": { store, mine, theirs in
                try await store.executions.finish(
                    theirs.execution, in: mine.organization, by: theirs.tenant.lease, with: ExecutionEnd(state: .completed, outcome: nil))
            },
            "ExecutionRepository.setWaiting(_:_:in:by:)": { store, mine, theirs in
                try await store.executions.setWaiting(true, theirs.execution, in: mine.organization, by: theirs.tenant.lease)
            },
            "ExecutionRepository.requestCancel(_:in:account:)": { store, mine, theirs in
                try await store.executions.requestCancel(theirs.execution, in: mine.organization)
            },
            "ExecutionRepository.interrupt(_:in:waits:outcome:)": { store, mine, theirs in
                try await store.executions.interrupt(theirs.execution, in: mine.organization) { _, calls in
                    JSONText(.string("\(calls)"))
                }
            },
            "ExecutionRepository.pulse(of:in:)": { store, mine, theirs in
                try await store.executions.pulse(of: theirs.execution, in: mine.organization)
            },
            "ExecutionCallRepository.start(_:of:in:by:)": { store, mine, theirs in
                let call = ExecutionCallDraft(sequence: 2, address: theirs.address, effect: .write)
                try await store.calls.start(call, of: theirs.execution, in: mine.organization, by: theirs.tenant.lease)
                return nil
            },
            "ExecutionCallRepository.end(_:of:in:)": { store, mine, theirs in
                let ends = [ExecutionCallEnd(sequence: 1, outcome: .done)]
                try await store.calls.end(ends, of: theirs.execution, in: mine.organization)
                return nil
            },
            "ExecutionCallRepository.list(of:in:)": { store, mine, theirs in
                let calls = try await store.calls.list(of: theirs.execution, in: mine.organization)
                #expect(calls == .none)
                return calls
            },
            "ExecutionRepository.find(_:in:account:)": { store, mine, theirs in
                try await store.executions.find(theirs.execution, in: mine.organization)
            },
            "ExecutionRepository.list(in:account:_:)": { store, mine, theirs in
                let all = try await store.executions.list(in: mine.organization)
                return [all, try await store.executions.list(in: mine.organization, account: theirs.tenant.account.id)]
            },
        ]
    }
}

/// The same questions about a schema, as each database answers them.
extension TestStoreKind {
    fileprivate var tableNames: Statement {
        switch self {
        case .sqlite: "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        case .postgreSQL:
            """
            SELECT CAST(relname AS TEXT) FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
            ORDER BY relname COLLATE "C"
            """
        }
    }

    /// The first column of the primary key of the table `$1`.
    fileprivate var firstKeyColumn: Statement {
        switch self {
        case .sqlite: "SELECT name FROM pragma_table_info($1) WHERE pk = 1"
        case .postgreSQL:
            """
            SELECT CAST(a.attname AS TEXT) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
            WHERE i.indisprimary AND i.indrelid = CAST($1 AS TEXT)::regclass
            """
        }
    }

    /// Foreign keys of the table `$1` to tables of organizations that do not lead from the organization to the same organization.
    fileprivate var referencesWithoutOrganization: Statement {
        switch self {
        case .sqlite:
            """
            SELECT "table" FROM pragma_foreign_key_list($1) WHERE "table" <> 'vault_keys' GROUP BY id, "table"
            HAVING SUM("from" = 'organization_id' AND "to" = 'organization_id') <> 1
            """
        case .postgreSQL:
            """
            SELECT CAST(c.conname AS TEXT) FROM pg_constraint c
            WHERE c.contype = 'f' AND c.conrelid = CAST($1 AS TEXT)::regclass AND c.confrelid <> 'vault_keys'::regclass AND NOT EXISTS (
                SELECT 1 FROM unnest(c.conkey, c.confkey) AS pair (mine, theirs)
                JOIN pg_attribute m ON m.attrelid = c.conrelid AND m.attnum = pair.mine
                JOIN pg_attribute t ON t.attrelid = c.confrelid AND t.attnum = pair.theirs
                WHERE m.attname = 'organization_id' AND t.attname = 'organization_id')
            """
        }
    }
}
