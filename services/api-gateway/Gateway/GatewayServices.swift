import Catalog
package import ExecutionStack
import HTTPTypes
import Identity
package import Installation
import Logging
import MCP
import Model
import Replicas
import SessionAPI
package import Store
import Telemetry

/// What a gateway's requests are served with: the core that both services share, and what only a gateway has.
///
/// A class, because every request's tasks hold it: what it has would be copied into each of them.
package final class GatewayServices: StackServices {
    package let process: InstallationProcess
    package let settings: GatewaySettings
    /// What is read from MCP clients.
    let mcp: MCPLimits
    let sessions: SessionTier
    let rates: RequestRates
    /// Finds out what became of calls whose session-service gives no answer.
    var interruptions: InterruptionInquiry {
        InterruptionInquiry(services: self, patience: self.settings.interruptionWait)
    }
    /// Nil without an issuer: nothing is then offered for discovery.
    let resource: ProtectedResource?

    init(
        process: InstallationProcess, settings: GatewaySettings, mcp: MCPLimits, sessions: SessionTier, rates: RequestRates,
        resource: ProtectedResource?
    ) {
        self.process = process
        self.settings = settings
        self.mcp = mcp
        self.sessions = sessions
        self.rates = rates
        self.resource = resource
    }

    package var core: CoreServices { self.process.core }
    package var store: Store { self.process.store }

    /// The caller behind an `Authorization` field, whose request is counted.
    ///
    /// - Parameter isCheckedAgain: Whether the session-service finds out for itself that the caller may still act.
    /// - Throws: ``Problem`` 401 with a challenge, 429 with `Retry-After`, or 503 when that cannot be found out: never 401 for a fault of
    ///   ours, because clients throw good credentials away on 401.
    func authenticate(_ authorization: String?, isCheckedAgain: Bool = false) async throws -> Caller {
        let caller: Caller
        do {
            caller = try await self.process.authenticator.authenticate(authorization: authorization, isCheckedAgain: isCheckedAgain)
        } catch {
            throw self.problem(for: error)
        }
        if let wait = self.rates.refusal(of: caller) {
            throw Problem.tooManyRequests(retryAfterSeconds: Int((wait / .seconds(1)).rounded(.up)))
        }
        return caller
    }

    /// Refuses a caller without the permission.
    func authorize(_ caller: Caller, for permission: Permission) throws {
        do {
            try Authorization.require(permission, of: caller)
        } catch {
            throw self.problem(for: error)
        }
    }

    /// Closes a session of the principal's organization, wherever it is.
    func closeSession(_ session: SessionRecordID, for principal: Principal, trace: TraceContext) async throws {
        let answer = try await self.sessions.close(
            session, for: SessionCaller(principal: principal, resource: MCPEndpoint.path), trace: trace)
        switch answer.status {
        case 200..<300: return
        case 404: throw Problem.notFound("session")
        default: throw Problem.unavailable("The session service did not close the session (\(answer.status)).")
        }
    }

    private func problem(for error: IdentityError) -> Problem {
        var headers: HTTPFields = [:]
        if let challenge = BearerChallenge.value(for: error, resource: self.resource) { headers[.wwwAuthenticate] = challenge }
        switch error.code {
        case .credentialsMissing, .credentialsInvalid: return Problem(.unauthorized, "unauthorized", error.message, headers: headers)
        case .forbidden: return Problem(.forbidden, "forbidden", error.message, headers: headers)
        default: return .unavailable(error.message)
        }
    }
}
