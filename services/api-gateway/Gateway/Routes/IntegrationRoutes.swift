import Catalog
import Installation
import JSON
import Model
import OpenAPI
import RoostAPI
import Store

/// Integrations of the caller's organization.
enum IntegrationRoutes {
    static let all: [Route] = [
        Route(.integrationsAdd) { call in
            var fields = try call.fields()
            let slug = fields.string("slug", maxCharacters: 63)
            let url = fields.optionalString("url", maxCharacters: 8192)
            let document = fields.optionalString("document", maxCharacters: call.services.settings.maxDocumentBytes)
            let name = fields.optionalString("name", maxCharacters: 200)
            let description = fields.optionalString("description", maxCharacters: 4000)
            let baseURL = fields.optionalString("base_url", maxCharacters: 2048)
            if (url == nil) == (document == nil) { fields.fault("url", "give either `url` or `document`") }
            try fields.finish()
            let source: DocumentSource = url.map { .url($0) } ?? .document(Array((document ?? "").utf8))
            let outcome = try await call.catalog.editor.addIntegration(
                NewIntegration(source: source, slug: slug, name: name, description: description, baseURL: baseURL),
                in: call.principal().organization)
            return .created(outcome.json, at: "/integrations/\(outcome.integration.integration.slug)")
        },
        Route(.integrationsUpload) { call in
            let organization = try call.principal().organization
            let slug = call.parameters["integration"] ?? ""
            let source = DocumentSource.document(call.body)
            if let record = try await call.store.integrations.find(slug: slug, in: organization) {
                return .ok(try await call.catalog.editor.refresh(record.integration.id, from: source, in: organization).json)
            }
            let outcome = try await call.catalog.editor.addIntegration(NewIntegration(source: source, slug: slug), in: organization)
            return .created(outcome.json, at: "/integrations/\(outcome.integration.integration.slug)")
        },
        Route(.integrationsList) { call in
            let page = try await call.catalog.integrations(in: call.principal().organization, call.page())
            return .page(page.items.map { .object($0.json) }, nextCursor: page.next)
        },
        Route(.integrationsShow) { call in
            .ok(try await call.integration().json)
        },
        Route(.integrationsRefresh) { call in
            let details = try await call.integration()
            return .ok(try await call.catalog.editor.refresh(details.integration.id, in: call.principal().organization).json)
        },
        Route(.integrationsFreeze) { call in
            let record = try await call.store.integrations.freeze(call.ownIntegration(), in: call.principal().organization)
            return .ok(.object(record.integration.json))
        },
        Route(.integrationsUnfreeze) { call in
            let record = try await call.store.integrations.unfreeze(call.ownIntegration(), in: call.principal().organization)
            return .ok(.object(record.integration.json))
        },
        Route(.integrationsRemove) { call in
            let details = try await call.integration()
            try await call.catalog.editor.removeIntegration(details.integration.id, in: call.principal().organization)
            return .noContent
        },
    ]
}

extension RouteCall {
    var catalog: Catalog { self.services.process.catalog }

    /// The id of the integration whose slug stands in the path, which is not Roost's own API: that is every organization's.
    fileprivate func ownIntegration() async throws -> IntegrationID {
        let slug = self.parameters["integration"] ?? ""
        let record = try await self.store.integrations.find(slug: slug, in: self.principal().organization)
        guard let record, slug != BuiltInIntegration.slug else { throw Problem.notFound("integration") }
        return record.integration.id
    }

    /// The integration whose slug stands in the path.
    func integration() async throws -> IntegrationDetails {
        let slug = self.parameters["integration"] ?? ""
        let organization = try self.principal().organization
        let id =
            slug == BuiltInIntegration.slug
            ? BuiltInIntegration.id : try await self.store.integrations.find(slug: slug, in: organization)?.integration.id
        guard let id else { throw Problem.notFound("integration") }
        let details = try await self.catalog.integration(id, in: organization)
        guard let details else { throw Problem.notFound("integration") }
        return details
    }
}

extension Integration {
    fileprivate var json: JSONObject {
        [
            "id": .string(self.id.rawValue), "slug": .string(self.slug), "kind": .string(self.kind.rawValue), "name": .string(self.name),
            "description": .string(self.description), "tool_count": .number(JSONNumber(self.toolCount)),
            "frozen_at": .time(self.frozenAt), "created_at": .string("\(self.createdAt)"), "updated_at": .string("\(self.updatedAt)"),
        ]
    }
}

extension IntegrationDetails {
    fileprivate var json: JSONValue {
        var json = self.integration.json
        json["auth_methods"] = .array(
            self.authMethods.map { method in
                ["slug": .string(method.slug), "variables": .array(method.variables.map { .string($0.name) })]
            })
        json["server"] = .text(self.server)
        json["document_url"] = .text(self.documentURL)
        json["can_remove"] = .bool(self.canRemove)
        json["can_refresh"] = .bool(self.canRefresh)
        return .object(json)
    }
}

extension IngestOutcome {
    /// The integration, and what reading its document came to.
    fileprivate var json: JSONValue {
        var json = self.integration.json.object ?? [:]
        json["added_tools"] = .array(self.addedTools.map { .string($0) })
        json["removed_tools"] = .array(self.removedTools.map { .string($0) })
        json["faults"] = .array(self.faults.map { .string("\($0)") })
        json["unlisted_fault_count"] = .number(JSONNumber(self.unlistedFaultCount))
        return .object(json)
    }
}
