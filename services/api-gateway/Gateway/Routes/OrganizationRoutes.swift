import Database
import Identity
import JSON
import Model
import RoostAPI
import Store

/// Organizations. Creating and listing them is the installation key's; an organization's own keys may look at their own.
enum OrganizationRoutes {
    static let all: [Route] = [
        Route(.organizationsCreate) { call in
            var fields = try call.fields()
            let slug = fields.string("slug", maxCharacters: 63)
            let name = fields.string("name", maxCharacters: 200)
            if !slug.isEmpty, !Self.isSlug(slug) {
                fields.fault("slug", "must begin with a small letter and hold only small letters, digits and `-`")
            }
            try fields.finish()
            let key = APIKeyText()
            let organization = try await Self.create(name: name, slug: slug, adminKey: key.hash, in: call.store)
            return .created(
                ["organization": organization.json, "admin_key": .string(key.secret.reveal())])
        },
        Route(.organizationsList) { call in
            let page = try await call.store.organizations.list(call.page())
            return .page(page.items.map(\.json), nextCursor: page.next)
        },
        Route(.organizationsCurrent) { call in
            guard let organization = try await call.store.organizations.find(call.principal().organization) else {
                throw Problem.notFound("organization")
            }
            return .ok(organization.json)
        },
    ]

    /// Creates an organization with its only key, which can be shown in this answer and never again: where a write got no answer, it is
    /// read back.
    static func create(name: String, slug: String, adminKey: SecretHash, in store: Store) async throws -> Organization {
        do {
            return try await store.organizations.create(name: name, slug: slug, adminKey: adminKey)
        } catch let error as DatabaseError where error.isOutcomeUnknown {
            if case .active? = try? await store.keys.standing(hash: adminKey), let written = try? await store.organizations.find(slug: slug)
            {
                return written
            }
            throw Problem.outcomeUnknown(
                "Look at the list of organizations. If it has this one, its admin key was never shown: create another, with another slug.")
        }
    }

    private static func isSlug(_ text: String) -> Bool {
        text.first.map { ("a"..."z").contains($0) } == true
            && text.allSatisfy { ("a"..."z").contains($0) || ("0"..."9").contains($0) || $0 == "-" }
    }
}

extension Organization {
    fileprivate var json: JSONValue {
        [
            "id": .string(self.id.rawValue), "slug": .string(self.slug), "name": .string(self.name),
            "created_at": .string("\(self.createdAt)"),
        ]
    }
}
