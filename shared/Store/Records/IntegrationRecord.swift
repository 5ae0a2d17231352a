import Database
package import JSON
package import Model

/// An integration as it is added or refreshed.
package struct IntegrationDraft: Sendable {
    package var id: IntegrationID
    package var slug: String
    package var kind: Integration.Kind
    package var name: String
    package var description: String
    /// What the plugin needs to make calls: authentication methods and so on. Never a secret.
    package var config: JSONText
    /// Where calls go unless a connection says otherwise.
    package var baseURL: String?
    /// Where the document was read, for a later refresh; nil when it was given as text.
    package var documentURL: String?
    /// The document itself, kept in a blob; nil for a source without one.
    package var document: [UInt8]?

    package init(
        id: IntegrationID = IntegrationID(), slug: String, kind: Integration.Kind, name: String, description: String, config: JSONText,
        baseURL: String? = nil, documentURL: String? = nil, document: [UInt8]? = nil
    ) {
        self.id = id
        self.slug = slug
        self.kind = kind
        self.name = name
        self.description = description
        self.config = config
        self.baseURL = baseURL
        self.documentURL = documentURL
        self.document = document
    }
}

/// An integration with what only its plugin needs.
package struct IntegrationRecord: Sendable, Hashable {
    package let integration: Integration
    package let config: JSONText
    package let baseURL: String?
    package let documentURL: String?
    package let document: BlobHash?
    /// Raised by every refresh, so that caches of its tools know when they are stale.
    package let revision: Int64
    /// The form in which it and its tools were written, see ``RecordVersions``.
    package let version: Int64
}

extension Integration {
    static let columns: Statement = "id, slug, kind, name, description, tool_count, frozen_at, created_at, updated_at"

    init(_ row: inout RowReader) throws {
        self.init(
            id: try row.next(), slug: try row.next(), kind: try row.next(), name: try row.next(), description: try row.next(),
            toolCount: try row.next(), frozenAt: try row.next(), createdAt: try row.next(), updatedAt: try row.next())
    }
}

extension IntegrationRecord {
    static let columns: Statement = "\(Integration.columns), config, base_url, document_url, document_hash, revision, record_version"

    init(_ row: DatabaseRow) throws {
        var row = row.reader()
        self.init(
            integration: try Integration(&row), config: try row.next(), baseURL: try row.next(), documentURL: try row.next(),
            document: try row.next(), revision: try row.next(), version: try row.next())
    }
}
