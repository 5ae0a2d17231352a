import Egress
import JSON
import Model
import OpenAPI
import Store
import Vault

/// Sends calls: opens the connection's credentials, makes the request, and maps the answer. A secret exists only in here.
struct ToolCaller: Sendable {
    let limits: CatalogLimits
    private let store: Store
    private let vault: any SecretSealing
    private let upstream: any UpstreamSending
    private let builtIn: BuiltInIntegration?

    init(store: Store, vault: any SecretSealing, upstream: any UpstreamSending, builtIn: BuiltInIntegration?, limits: CatalogLimits) {
        self.limits = limits
        self.store = store
        self.vault = vault
        self.upstream = upstream
        self.builtIn = builtIn
    }

    /// Sends a checked call and gives what the program gets.
    func invoke(_ call: PreparedToolCall, principal: Principal, execution: ExecutionID) async throws -> ToolResult {
        do {
            return try await call.isBuiltIn
                ? self.invokeBuiltIn(call, principal: principal, execution: execution) : self.invokeUpstream(call, principal: principal)
        } catch let error as ToolError {
            return .failure(error)
        } catch let error as EgressError {
            try Task.checkCancellation()
            return .failure(ToolError(error, effect: call.effect))
        }
    }

    private func invokeUpstream(_ call: PreparedToolCall, principal: Principal) async throws -> ToolResult {
        let credentials = try await self.credentials(of: call, in: principal.organization)
        let request = try call.request(credentials: credentials)
        let response = try await self.upstream.send(request.egressRequest())
        let redactor = SecretRedactor(request, credentials: credentials)
        return ResponseMapper(effect: call.effect, redactor: redactor, jsonLimits: self.limits.response).result(of: response)
    }

    private func invokeBuiltIn(_ call: PreparedToolCall, principal: Principal, execution: ExecutionID) async throws -> ToolResult {
        guard let access = self.builtIn?.access, let target = try await access.target() else {
            throw ToolError(
                code: "roost_unavailable", message: "No gateway is running that could answer this call. Try again.", retryable: true)
        }
        let token = try await access.token(principal, execution)
        let request = try call.request(credentials: .none)
        let response = try await self.upstream.send(request.egressRequest(to: target, token: token))
        let redactor = SecretRedactor(secrets: [token])
        return ResponseMapper(effect: call.effect, redactor: redactor, jsonLimits: self.limits.response).result(of: response)
    }

    private func credentials(of call: PreparedToolCall, in organization: OrganizationID) async throws -> CredentialSet {
        guard !call.method.variables.isEmpty, call.binding.sendsCredentials, let connection = call.access.id else {
            return CredentialSet(method: call.binding.sendsCredentials ? call.method : .none, values: [:])
        }
        var values: [String: Secret] = [:]
        for sealed in try await self.store.secrets.read(owner: connection, in: organization) {
            do {
                values[sealed.name] = try await self.vault.open(sealed, of: connection, in: organization)
            } catch let error as VaultError {
                throw ToolError(code: "connection_unusable", message: Self.message(for: error), retryable: false)
            }
        }
        return CredentialSet(method: call.method, values: values)
    }

    private static func message(for error: VaultError) -> String {
        switch error.code {
        case .cannotOpen, .unknownFormat: "The connection's credentials cannot be opened. Add the connection again."
        case .referenceRefused, .secretMissing:
            "The connection refers to a secret of the installation that cannot be used. Ask the installation's operator."
        default: "The installation lacks the key to the connection's credentials. Ask its operator to run `roost doctor`."
        }
    }
}
