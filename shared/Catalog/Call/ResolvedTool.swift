package import JSON
package import Model
import OpenAPI

/// One tool at one address, ready to be called.
package struct ResolvedTool: Sendable {
    package let address: ToolAddress
    package let integration: IntegrationID
    /// Nil for Roost's own API.
    package let connection: ConnectionID?
    package let effect: ToolEffect
    package let description: String
    let tool: ReadyTool
    let source: CatalogView.Source
    let access: CatalogView.Access
    let caller: ToolCaller

    /// Checks arguments and builds the request, without any effect: what would fail is refused before anybody is asked to approve it.
    ///
    /// - Throws: `integration_frozen` while an admin lets no call begin, `invalid_tool_arguments` naming what is wrong, or another code that
    ///   says why the call could not be sent.
    package func prepare(_ arguments: JSONObject) throws(ToolError) -> PreparedToolCall {
        guard self.source.record.frozenAt == nil else {
            throw ToolError(
                code: "integration_frozen",
                message: "The integration \(self.source.record.slug) is frozen by an admin, so the call was not made.", retryable: false)
        }
        let call = PreparedToolCall(
            address: self.address, effect: self.effect, arguments: try self.tool.canonicalArguments(arguments), binding: self.tool.binding,
            server: self.access.baseURL ?? self.source.baseURL ?? self.tool.binding.server ?? self.source.configuration.server,
            method: try self.method(), access: self.access, isBuiltIn: self.source.isBuiltIn, caller: self.caller)
        _ = try call.request(credentials: .none)
        return call
    }

    private func method() throws(ToolError) -> AuthMethod {
        guard let method = self.source.configuration.authMethods.first(where: { $0.slug == self.access.method }) else {
            throw ToolError(
                code: "connection_method_gone",
                message: "The integration no longer offers the way to sign in that this connection uses. Add the connection again.",
                retryable: false)
        }
        return method
    }
}

/// A call whose arguments were checked and that only has to be sent.
package struct PreparedToolCall: Sendable {
    package let address: ToolAddress
    package let effect: ToolEffect
    let arguments: JSONObject
    let binding: OperationBinding
    let server: String?
    let method: AuthMethod
    let access: CatalogView.Access
    let isBuiltIn: Bool
    let caller: ToolCaller

    /// Sends the call and reads the answer.
    ///
    /// - Returns: Expected failures as results; as failure what is no fault of the call, the database or cancellation. With either, whether
    ///   anything was sent and answered.
    package func invoke(principal: Principal, execution: ExecutionID) async -> CallEnd {
        await self.caller.invoke(self, principal: principal, execution: execution)
    }

    /// The request with credentials; the same one was built without them when the call was checked.
    func request(credentials: CredentialSet) throws(ToolError) -> UpstreamRequest {
        try RequestBuilder(self.binding, limits: self.caller.limits.request).request(
            self.arguments, server: self.server, credentials: credentials)
    }
}
