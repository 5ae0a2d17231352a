import Database
package import Model

/// Stored documents, named by the hash of their content within an organization. The same document twice is stored once.
package struct BlobRepository: Sendable {
    let context: StoreContext

    /// Stores a document and returns its name. Nothing refers to it yet; ``removeUnreferenced(in:)`` may take it away again.
    package func put(_ content: [UInt8], in organization: OrganizationID) async throws -> BlobHash {
        try await self.context.refusing {
            try await self.put(content, in: organization, on: self.context.connection(organization))
        }
    }

    /// A document's content, or nil.
    package func content(_ hash: BlobHash, in organization: OrganizationID) async throws -> [UInt8]? {
        try await self.context.connection(organization).first(
            "SELECT content FROM blobs WHERE organization_id = $1 AND hash = $2", organization, hash
        ) { try $0.single() }
    }

    /// Removes the organization's documents to which nothing refers; returns how many.
    @discardableResult
    package func removeUnreferenced(in organization: OrganizationID) async throws -> Int {
        try await self.removeUnreferenced(in: organization, on: self.context.connection(organization))
    }

    func put(_ content: [UInt8], in organization: OrganizationID, on connection: any DatabaseConnection) async throws -> BlobHash {
        guard content.count <= self.context.limits.maxBlobBytes else {
            throw StoreError(code: .invalidValue, message: "the document is longer than \(self.context.limits.maxBlobBytes) bytes")
        }
        let hash = BlobHash(of: content)
        try await connection.execute(
            """
            INSERT INTO blobs (organization_id, hash, created_at, content) VALUES ($1, $2, {now}, $3)
            ON CONFLICT (organization_id, hash) DO NOTHING
            """, organization, hash, content)
        return hash
    }

    func removeUnreferenced(in organization: OrganizationID, on connection: any DatabaseConnection) async throws -> Int {
        try await connection.execute(
            """
            DELETE FROM blobs WHERE organization_id = $1 AND NOT EXISTS (
                SELECT 1 FROM integrations i WHERE i.organization_id = $1 AND i.document_hash = blobs.hash)
            """, organization)
    }
}
