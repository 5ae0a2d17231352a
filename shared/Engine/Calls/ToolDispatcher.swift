import JSON
import Logging
import Model
import Policies
import Sandbox
import Store

/// Answers the tool calls of one run: address, policy, arguments, approval, call, in this order.
///
/// A program never learns that a blocked tool exists, and is never asked about arguments that could not be sent. Failures that are to
/// be expected are values; only calls of built-in tools that make no sense, and defects, throw inside the program.
struct ToolDispatcher: Sendable {
    let execution: ExecutionID
    let principal: Principal
    let catalog: any EngineCatalog
    let authority: AuthorityCache
    let journal: CallJournal
    let limits: CallLimits
    let logger: Logger

    /// Answers one call. May be called several times at once.
    func reply(to call: SandboxCall) async -> SandboxReply {
        do {
            return try await self.dispatch(call)
        } catch let error as ToolError {
            return ToolResult.failure(error).reply()
        } catch let fault as CallFault {
            return .throwing(name: "TypeError", message: fault.message)
        } catch {
            // When the run is over its open calls are cancelled; what they throw then concerns nobody.
            if Task.isCancelled || error is CallJournal.RunIsOver { return .throwing(name: "AbortError", message: "the run has ended") }
            return self.defect(error)
        }
    }

    private func dispatch(_ call: SandboxCall) async throws -> SandboxReply {
        let path = call.path.hasPrefix("tools.") ? String(call.path.dropFirst("tools.".count)) : call.path
        guard !path.isEmpty else {
            throw CallFault(message: "Path missing: call a tool as tools.<integration>.<org|user>.<connection>.<tool>().")
        }
        let rules = try await self.rules()
        let builtIns = BuiltInTools(catalog: self.catalog, limits: self.limits)
        if let reply = try await builtIns.reply(path: path, argument: call.argument, under: rules) { return reply }

        guard let address = ToolAddress(path), let tool = try await self.catalog.tool(at: address, revision: rules.revision) else {
            throw try await self.notFound(path, rules)
        }
        let decision = rules.policies.decision(for: address, effect: tool.effect)
        guard decision.isVisible else { throw try await self.notFound(path, rules) }
        let prepared = try tool.prepare(try self.arguments(call.argument))
        guard decision.action == .allow else {
            throw ApprovalRefusal(address: address, effect: tool.effect, decision: decision).error
        }
        let context = CallContext(principal: self.principal, execution: self.execution, sequence: call.id)
        let draft = ExecutionCallDraft(sequence: call.id, address: address, effect: tool.effect)
        return try await self.journal.perform(draft) { await prepared.invoke(context) }.reply()
    }

    /// The rules for a call that starts now; the call is refused when they cannot be had.
    private func rules() async throws -> AuthoritySnapshot {
        let rules: AuthoritySnapshot
        do {
            rules = try await self.authority.snapshot(for: self.principal)
        } catch {
            if Task.isCancelled { throw error }
            self.logger.error("policies cannot be read", metadata: ["execution": "\(self.execution)", "cause": "\(error)"])
            throw ToolError(
                code: "policies_unavailable",
                message: "The organization's policies cannot be read at the moment, so the call was not made. Try again later.",
                retryable: true)
        }
        guard rules.isPrincipalActive else {
            throw ToolError(
                code: "credentials_revoked",
                message: "The key that this program runs under was revoked, so the call was not made.", retryable: false)
        }
        return rules
    }

    private func notFound(_ path: String, _ rules: AuthoritySnapshot) async throws -> ToolError {
        try await ToolNotFound(path, catalog: self.catalog, limits: self.limits, under: rules).error
    }

    private func arguments(_ argument: JSONText?) throws(ToolError) -> JSONObject {
        guard let argument else { return [:] }
        guard argument.bytes.count <= self.limits.maxArgumentBytes else {
            throw self.invalid("The arguments of a call may have at most \(self.limits.maxArgumentBytes) bytes as JSON.")
        }
        let bounds = JSONLimits(maxBytes: self.limits.maxArgumentBytes, maxValues: self.limits.maxArgumentValues)
        let value: JSONValue
        do {
            value = try argument.value(limits: bounds)
        } catch {
            throw self.invalid("The arguments of a call may nest \(bounds.maxDepth) deep and hold \(bounds.maxValues) values.")
        }
        guard let object = value.object else {
            throw self.invalid("A tool takes one object with its named arguments, as in tools.github.org.main.issues.get({ number: 1 }).")
        }
        return object
    }

    private func invalid(_ message: String) -> ToolError {
        ToolError(code: "invalid_tool_arguments", message: message, retryable: false)
    }

    /// What the program sees of a fault of ours: nothing but a number under which the operator finds the cause.
    private func defect(_ error: any Error) -> SandboxReply {
        let id = String(UInt32.random(in: .min ... .max), radix: 16)
        let correlation = String(repeating: "0", count: 8 - id.count) + id
        self.logger.error(
            "a tool call failed for a reason of ours",
            metadata: ["correlation": "\(correlation)", "execution": "\(self.execution)", "cause": "\(error)"])
        return .throwing(name: "Error", message: "internal tool error \(correlation)")
    }
}
