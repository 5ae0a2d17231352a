import HTTPTypes
package import Identity
import JSON
package import Logging
package import Model
package import Store
package import Telemetry

/// One call of a route: who calls, with what, and what the route may use.
package struct RouteCall: Sendable {
    /// Who calls; the route's permission was already checked.
    package let caller: Caller
    /// Path parameters by name, percent-decoded.
    package let parameters: [String: String]
    /// Query parameters by name, percent-decoded; one that comes twice was refused.
    package let query: [String: String]
    package let body: [UInt8]
    package let services: GatewayServices
    package let trace: TraceContext
    package let logger: Logger

    /// The principal; throws 403 for the installation's key, which belongs to no organization.
    package func principal() throws -> Principal {
        switch self.caller {
        case .principal(let principal): return principal
        case .installation:
            throw Problem.forbidden("The installation key only creates and lists organizations. Use a key of an organization.")
        }
    }

    package var store: Store { self.services.store }

    /// A path parameter as an identifier; what is not one is simply not there.
    func id<ID: PublicID>(_ name: String, of what: String) throws -> ID {
        guard let id = self.parameters[name].flatMap(ID.init) else { throw Problem.notFound(what) }
        return id
    }

    /// `limit` and `cursor`.
    func page() throws -> PageRequest {
        guard let text = self.query["limit"] else { return PageRequest(cursor: self.query["cursor"]) }
        guard let limit = Int(text), (1...self.store.limits.maxPageSize).contains(limit) else {
            throw Problem.badRequest("`limit` must be a whole number from 1 to \(self.store.limits.maxPageSize).")
        }
        return PageRequest(limit: limit, cursor: self.query["cursor"])
    }

    /// The body's fields; throws 400 when the body is not a JSON object.
    func fields() throws -> BodyFields {
        do {
            return try BodyFields(JSONValue(parsing: self.body, limits: BodyFields.limits))
        } catch let error as JSONError {
            throw Problem.badRequest("The body is not JSON: \(error)")
        }
    }

    /// The account whose things a principal may see in lists of executions and sessions: everybody's (nil) with ``Permission/readOthers``,
    /// its own otherwise.
    func visibleAccount() throws -> AccountID? {
        let principal = try self.principal()
        return Authorization.allows(.readOthers, to: self.caller) ? nil : principal.account
    }
}
