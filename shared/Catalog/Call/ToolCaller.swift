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

    /// Sends a checked call and gives what the program gets, and whether the call was sent and answered.
    func invoke(_ call: PreparedToolCall, principal: Principal, execution: ExecutionID) async -> CallEnd {
        let request: EgressRequest
        let redactor: SecretRedactor
        do {
            (request, redactor) =
                try await call.isBuiltIn
                ? self.builtInRequest(of: call, principal: principal, execution: execution)
                : self.upstreamRequest(of: call, in: principal.organization)
        } catch let error as ToolError {
            return CallEnd(.notSent, .success(.failure(error)))
        } catch {
            return CallEnd(.notSent, .failure(error))
        }
        do throws(EgressError) {
            let response = try await self.upstream.send(request)
            let mapper = ResponseMapper(effect: call.effect, redactor: redactor, jsonLimits: self.limits.response)
            return CallEnd(.done, .success(mapper.result(of: response)))
        } catch {
            let result: Result<ToolResult, any Error> =
                Task.isCancelled ? .failure(CancellationError()) : .success(.failure(ToolError(error, effect: call.effect)))
            return CallEnd(error.callOutcome, result)
        }
    }

    /// The request to an API, with the connection's credentials.
    private func upstreamRequest(
        of call: PreparedToolCall, in organization: OrganizationID
    ) async throws -> (EgressRequest, SecretRedactor) {
        let credentials = try await self.credentials(of: call, in: organization)
        let request = try call.request(credentials: credentials)
        return (request.egressRequest(), SecretRedactor(request, credentials: credentials))
    }

    /// The request to a gateway, with a token that says on whose behalf.
    private func builtInRequest(
        of call: PreparedToolCall, principal: Principal, execution: ExecutionID
    ) async throws -> (EgressRequest, SecretRedactor) {
        guard let access = self.builtIn?.access, let target = try await access.target() else {
            throw ToolError(
                code: "roost_unavailable", message: "No gateway is running that could answer this call. Try again.", retryable: true)
        }
        let token = try await access.token(principal, execution)
        let request = try call.request(credentials: .none)
        return (request.egressRequest(to: target, token: token), SecretRedactor(secrets: [token]))
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
