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
            let organization = try await call.store.organizations.create(name: name, slug: slug, adminKey: key.hash)
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
