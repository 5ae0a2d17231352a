import Database
import JSON
import Model
import TestSupport
import Testing

@testable import Store

/// The records of every version are read, and none changes its form without a new version.
///
/// `tests/golden/<kind>.<version>.json` has the rows as that version wrote them, with the names of what differs from one writing to the
/// next in braces.
@Suite("Records of all versions", .timeLimit(.minutes(2)))
struct GoldenRecordTests {
    /// Rows of one kind in one organization, written by a test or read from a file.
    private struct Place {
        let database: any Database
        let store: Store
        let tenant: TestTenant
        var names: [(value: String, name: String)]

        static let sessionHash = SecretHash(of: "golden session")

        init(_ database: any Database, writing versions: RecordVersions = .current) async throws {
            self.database = database
            self.store = Store(database: database, limits: .patient, writing: versions)
            self.tenant = try await self.store.makeTenant()
            self.names = [
                (self.tenant.organization.id.rawValue, "{organization}"), (self.tenant.account.id.rawValue, "{account}"),
                (self.tenant.lease.replica.rawValue, "{replica}"),
            ]
            if case .apiKey(let key) = self.tenant.principal.method { self.names.append((key.rawValue, "{key}")) }
        }

        var organization: OrganizationID { self.tenant.organization.id }
        private var connection: any DatabaseConnection { self.database.connection(in: .organization(self.organization)) }

        mutating func name(_ value: some PublicID, _ name: String) { self.names.append((value.rawValue, name)) }

        /// The rows of tables, by column.
        func text(of tables: [String]) async throws -> String {
            var dump = JSONObject()
            for name in tables {
                let columns = try #require(Schema.allTables.first { $0.name == name }).columns.map(\.name)
                let rows = try await self.connection.query(
                    Statement(generated: "SELECT \(columns.joined(separator: ", ")) FROM \(name)"), values: [])
                let objects = rows.map { row in
                    JSONValue.object(JSONObject(zip(columns, row.values).map { (key: $0, value: self.json($1, of: $0)) }))
                }
                // By what does not differ from one writing to the next.
                dump[name] = .array(objects.sorted { $0.text() < $1.text() })
            }
            return JSONValue.object(dump).prettyText() + "\n"
        }

        private func json(_ value: DatabaseValue, of column: String) -> JSONValue {
            switch value {
            case .null: .null
            case .integer where column.hasSuffix("_at"): "{time}"
            case .integer(let number): .number(JSONNumber(Int(number)))
            case .real(let number): .string("\(number)")
            case .text(let text): .string(self.names.reduce(text) { $0.replacing($1.value, with: $1.name) })
            case .blob(let bytes): ["hexadecimal": .string(Self.hexadecimal(bytes))]
            }
        }

        /// Writes the rows that ``text(of:)`` gave.
        func write(_ text: String) async throws {
            let now = Timestamp.now()
            for (table, rows) in try #require(JSONValue(parsing: Array(text.utf8)).object) {
                for row in try #require(rows.array) {
                    let fields = try #require(row.object)
                    let places = fields.enumerated().map { "$\($0.offset + 1)" }.joined(separator: ", ")
                    try await self.connection.execute(
                        Statement(generated: "INSERT INTO \(table) (\(fields.map(\.key).joined(separator: ", "))) VALUES (\(places))"),
                        values: fields.map { self.value($0.value, of: $0.key, now) })
                }
            }
        }

        private func value(_ json: JSONValue, of column: String, _ now: Timestamp) -> DatabaseValue {
            if json == "{time}" { return .integer(now.microseconds + (column == "expires_at" ? 3_600_000_000 : 0)) }
            if let text = json.string { return .text(self.names.reduce(text) { $0.replacing($1.name, with: $1.value) }) }
            if let number = json.int { return .integer(Int64(number)) }
            return json["hexadecimal"]?.string.map { .blob(Self.bytes($0)) } ?? .null
        }

        private static func hexadecimal(_ bytes: [UInt8]) -> String {
            bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }

        private static func bytes(_ text: String) -> [UInt8] {
            let digits = Array(text.utf8)
            return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
                UInt8(String(decoding: digits[$0...($0 + 1)], as: UTF8.self), radix: 16)
            }
        }
    }

    // MARK: - Sessions

    private static let capabilities = JSONText(["elicitation": [:]])
    private static let clientInfo = JSONText(["name": "test"])

    private static func writtenSession(_ versions: RecordVersions) async throws -> String {
        try await withMigratedDatabase { database in
            var place = try await Place(database, writing: versions)
            let session = try await place.store.sessions.create(.sample(place.tenant, hash: Place.sessionHash, resource: "/mcp"))
            place.name(session.id, "{session}")
            return try await place.text(of: ["sessions"])
        }
    }

    @Test("a session is written as its version says, and as the made-up previous one says for tests")
    func sessionWriting() async throws {
        #expect(try await Golden.has(Self.writtenSession(.current), as: "session.\(RecordVersions.current.session).json"))
        #expect(try await Golden.has(Self.writtenSession(.previous), as: "session.\(RecordVersions.previous.session).json"))
        #expect(Golden.versions(of: "session", "json") == Array(0...Int(RecordVersions.current.session)))
    }

    @Test(
        "a session of any version is found, listed and taken over, with what its version has", arguments: TestStoreKind.all,
        Golden.versions(of: "session", "json"))
    func sessionReading(kind: TestStoreKind, version: Int) async throws {
        try await withMigratedDatabase(kind) { database in
            var place = try await Place(database)
            place.name(SessionRecordID(), "{session}")
            try await place.write(try Golden.text("session.\(version).json"))
            let (sessions, organization) = (place.store.sessions, place.organization)
            let found = try #require(try await sessions.find(hash: Place.sessionHash, in: organization))
            #expect(found.version == Int64(version) && found.protocolVersion == "2025-11-25" && found.principal == place.tenant.principal)
            #expect(found.clientCapabilities == Self.capabilities && found.resource == "/mcp" && found.state == .open)
            #expect(found.clientInfo == (version >= 1 ? Self.clientInfo : nil))
            #expect(try await sessions.list(in: organization).items == [found])
            try await place.store.replicas.deregister(place.tenant.lease)
            let heir = try await place.store.replicas.register(ReplicaID(), kind: .sessionService, address: "127.0.0.1:2", version: "test")
            let adopted = try await sessions.adopt(found.id, in: organization, by: heir.lease)
            #expect(adopted.owner == heir.lease && adopted.version == Int64(version), "who takes it over does not write it anew")
            try await sessions.touch(found.id, in: organization, by: heir.lease)
            #expect(try await sessions.close(found.id, in: organization))
        }
    }

    // MARK: - Streams

    private static let answer = Array(#"{"jsonrpc":"2.0","id":7,"result":{"content":[]}}"#.utf8)

    @Test("a stream is written as its version says")
    func streamWriting() async throws {
        let text = try await withMigratedDatabase { database in
            var place = try await Place(database)
            let session = try await place.store.sessions.create(.sample(place.tenant, hash: Place.sessionHash))
            place.name(session.id, "{session}")
            let streams = place.store.sessionStreams
            let names = ["{answered}", "{open}", "{silent}"]
            for (index, name) in names.enumerated() {
                let stream = SessionStreamID()
                let execution = ExecutionID()
                place.name(stream, name)
                place.name(execution, "{execution}")
                _ = try await streams.open(
                    stream, request: "\(index)", execution: execution, of: session.id, in: place.organization, by: place.tenant.lease,
                    within: SessionStreamBounds())
                guard name != "{open}" else { continue }
                _ = try await streams.end(
                    stream, of: session.id, in: place.organization, by: place.tenant.lease,
                    with: name == "{silent}" ? .silent : .answer(Self.answer, sequence: 3), within: SessionStreamBounds())
            }
            return try await place.text(of: ["session_streams"])
        }
        #expect(try Golden.has(text, as: "session-stream.\(RecordVersions.current.sessionStream).json"))
        #expect(Golden.versions(of: "session-stream", "json") == Array(1...Int(RecordVersions.current.sessionStream)))
    }

    @Test("a stream of any version is found, with its answer", arguments: TestStoreKind.all, Golden.versions(of: "session-stream", "json"))
    func streamReading(kind: TestStoreKind, version: Int) async throws {
        try await withMigratedDatabase(kind) { database in
            var place = try await Place(database)
            let session = try await place.store.sessions.create(.sample(place.tenant)).id
            let (answered, open, silent) = (SessionStreamID(), SessionStreamID(), SessionStreamID())
            place.name(session, "{session}")
            place.name(answered, "{answered}")
            place.name(open, "{open}")
            place.name(silent, "{silent}")
            let execution = ExecutionID()
            place.name(execution, "{execution}")
            try await place.write(try Golden.text("session-stream.\(version).json"))
            func find(_ stream: SessionStreamID) async throws -> SessionStreamRecord? {
                try await place.store.sessionStreams.find(stream, of: session, in: place.organization)
            }
            let found = try #require(try await find(answered))
            #expect(found.state == .answered && found.answer == Self.answer && found.sequence == 3 && found.request == "0")
            #expect(found.execution == execution)
            #expect(found.version == Int64(version) && found.owner == place.tenant.lease)
            #expect(try await find(open)?.state == .open)
            #expect(try await find(silent)?.state == .silent)
            // Its owner goes on with it.
            #expect(
                try await place.store.sessionStreams.end(
                    open, of: session, in: place.organization, by: place.tenant.lease, with: .answer(Self.answer, sequence: 1),
                    within: SessionStreamBounds()))
        }
    }

    // MARK: - Executions

    private static let outcome = JSONText(["content": [["type": "text", "text": "1"]], "structuredContent": [:], "isError": false])

    @Test("an execution is written as its version says")
    func executionWriting() async throws {
        let text = try await withMigratedDatabase { database in
            var place = try await Place(database)
            let (running, ended) = (ExecutionDraft.sample(place.tenant), ExecutionDraft.sample(place.tenant, session: SessionRecordID()))
            place.name(running.id, "{running}")
            place.name(ended.id, "{ended}")
            if let session = ended.session { place.name(session, "{session}") }
            for draft in [running, ended] {
                try await place.store.executions.start(draft)
                for sequence: UInt32 in 1...2 {
                    let address = ToolAddress(integration: "notes", owner: .organization, connection: "main", tool: "create")
                    try await place.store.calls.start(
                        ExecutionCallDraft(sequence: sequence, address: address, effect: .write), of: draft.id, in: place.organization,
                        by: place.tenant.lease)
                }
            }
            let calls = [ExecutionCallEnd(sequence: 1, outcome: .done), ExecutionCallEnd(sequence: 2, outcome: .outcomeUnknown)]
            try await place.store.executions.finish(
                ended.id, in: place.organization, by: place.tenant.lease,
                with: ExecutionEnd(state: .failed, outcome: Self.outcome, errorCode: "program_threw", calls: calls))
            return try await place.text(of: ["executions", "execution_calls"])
        }
        #expect(try Golden.has(text, as: "execution.\(RecordVersions.current.execution).json"))
        #expect(Golden.versions(of: "execution", "json") == Array(1...Int(RecordVersions.current.execution)))
    }

    @Test(
        "an execution of any version is shown with outcome and calls, and one that runs is ended", arguments: TestStoreKind.all,
        Golden.versions(of: "execution", "json"))
    func executionReading(kind: TestStoreKind, version: Int) async throws {
        try await withMigratedDatabase(kind) { database in
            var place = try await Place(database)
            let (running, ended) = (ExecutionID(), ExecutionID())
            place.name(running, "{running}")
            place.name(ended, "{ended}")
            place.name(SessionRecordID(), "{session}")
            try await place.write(try Golden.text("execution.\(version).json"))
            let (store, organization) = (place.store, place.organization)
            let found = try #require(try await store.executions.find(ended, in: organization))
            #expect(found.version == Int64(version) && found.state == .failed && found.errorCode == "program_threw")
            #expect(found.outcome == Self.outcome && found.seed == .max && found.client == .mcp)
            let calls = try await store.calls.list(of: ended, in: organization)
            #expect(calls.listed.map(\.outcome) == [.done, .outcomeUnknown] && calls.effectiveCount == 2)
            // What a process of that version left is ended by one of this.
            try await store.replicas.deregister(place.tenant.lease)
            #expect(try await store.executions.interrupt(running, in: organization) { _, _ in Self.outcome })
            #expect(try await store.executions.find(running, in: organization)?.errorCode == ExecutionRepository.interruptedCode)
            #expect(try await store.calls.list(of: running, in: organization).listed.map(\.outcome) == [.outcomeUnknown, .outcomeUnknown])
        }
    }

    // MARK: - Integrations

    @Test("an integration is written as its version says")
    func integrationWriting() async throws {
        let text = try await withMigratedDatabase { database in
            var place = try await Place(database)
            let record = try await place.store.integrations.add(.sample(slug: "pets"), tools: .sample(), in: place.organization)
            place.name(record.integration.id, "{integration}")
            return try await place.text(of: ["integrations", "tools", "tool_schemas", "schema_definitions"])
        }
        #expect(try Golden.has(text, as: "integration.\(RecordVersions.current.integration).json"))
        #expect(Golden.versions(of: "integration", "json") == Array(1...Int(RecordVersions.current.integration)))
    }

    @Test("an integration of any version is read with its tools", arguments: TestStoreKind.all, Golden.versions(of: "integration", "json"))
    func integrationReading(kind: TestStoreKind, version: Int) async throws {
        try await withMigratedDatabase(kind) { database in
            var place = try await Place(database)
            place.name(IntegrationID(), "{integration}")
            try await place.write(try Golden.text("integration.\(version).json"))
            let found = try #require(try await place.store.integrations.find(slug: "pets", in: place.organization))
            #expect(found.version == Int64(version) && found.integration.toolCount == 1)
            #expect(found.config == JSONText(["auth": "text"]))
            let refreshed = try await place.store.integrations.refresh(
                IntegrationDraft(
                    id: found.integration.id, slug: "pets", kind: .openAPI, name: "text", description: "text", config: found.config),
                tools: .sample(), in: place.organization)
            #expect(refreshed.version == RecordVersions.current.integration, "whoever writes all of it anew writes its own version")
        }
    }
}
