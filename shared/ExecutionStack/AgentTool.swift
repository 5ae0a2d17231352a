package import JSON

/// A tool that agents see over MCP, and that REST describes in the same words.
package struct AgentTool: Sendable, Hashable {
    /// Hints for people and clients; a hint that would mislead is left out.
    package struct Annotations: Sendable, Hashable {
        package let isReadOnly: Bool
        package let isDestructive: Bool?
        package let isIdempotent: Bool
        package let isOpenWorld: Bool
    }

    package let name: String
    package let title: String
    package let description: String
    package let inputSchema: JSONText
    package let outputSchema: JSONText
    package let annotations: Annotations
}

extension AgentTool {
    /// The name of the one tool there is so far.
    package static let executeName = "execute"

    /// How many integrations the description names.
    package static let maxInventory = 50

    /// `execute`, which runs a program; its description names what the agent can reach.
    static func execute(inventory: [InventoryItem], total: Int, maxStructuredBytes: Int) -> AgentTool {
        AgentTool(
            name: self.executeName, title: "Run a TypeScript program", description: self.guide + self.list(inventory, total: total),
            inputSchema: self.inputSchema, outputSchema: self.outputSchema(maxStructuredBytes),
            // One tool, mixed effects: whether something is destroyed is up to the program, and policies decide about that.
            annotations: Annotations(isReadOnly: false, isDestructive: nil, isIdempotent: false, isOpenWorld: true))
    }

    private static func list(_ inventory: [InventoryItem], total: Int) -> String {
        guard !inventory.isEmpty else { return "\n\nNo integration is connected yet." }
        var lines = inventory.prefix(self.maxInventory).map { item in
            let name = item.name.prefix(80).map { $0.isNewline ? " " : $0 }
            return name.isEmpty || String(name) == item.slug ? "- \(item.slug)" : "- \(item.slug) (\(String(name)))"
        }
        if total > lines.count { lines.append("… \(total - lines.count) more") }
        return "\n\nAvailable integrations:\n" + lines.joined(separator: "\n")
    }

    private static let guide = """
        Runs a TypeScript program on the server, in a sandbox that reaches the integrations below through `tools`. Use it whenever a task \
        needs one of them, and do as much as possible in one program: call, filter and combine there, and return only what is needed.

        The program is the body of an async function: use `await` and `return` at the top level. Work in this order:
        1. `const { items } = await tools.search({ query: "create issue" })` gives `items[].path`; `namespace` narrows to an integration.
        2. `await tools.describe.tool({ path })` gives `inputTypeScript`, `outputTypeScript` and `typeScriptDefinitions`.
        3. `await tools.<integration>.<org|user>.<connection>.<tool>({ … })`, or `tools["<path>"]({ … })`, takes one object.

        A call gives `{ ok: true, data, http? }` or `{ ok: false, error: { code, message, status?, details?, retryable?, retryAfter? } }` \
        and does not throw: check `ok`. `tools` cannot be enumerated; `tools.roost.sources.list()` lists the integrations. A call that needs \
        approval fails with `approval_required`, which names the policy to ask an admin for. `emit(value)` shows a value or a file to the \
        user; `console.log` lines come back with the result. There is no `fetch`, no file system and no import; nothing is kept between \
        programs. Large results are cut: return less instead.
        """

    private static let inputSchema = JSONText([
        "type": "object",
        "properties": [
            "code": [
                "type": "string", "minLength": 1,
                "description": "The program: TypeScript, the body of an async function. Its return value is the result.",
            ]
        ],
        "required": ["code"],
        "additionalProperties": false,
    ])

    private static func outputSchema(_ maxStructuredBytes: Int) -> JSONText {
        let result = """
            What the program returned; null for nothing. A result of more than \(maxStructuredBytes) bytes as JSON is replaced by \
            {truncated: true, byteCount, preview, message}, with the size of the whole in bytes and its first characters.
            """
        let calls: JSONValue = [
            "type": "array",
            "description": "What the program's tool calls came to, when it was ended from outside: the first, of callCount in all.",
            "items": [
                "type": "object",
                "properties": [
                    "sequence": ["type": "integer"], "address": ["type": "string"],
                    "effect": ["type": "string", "enum": ["read", "write"]],
                    "outcome": ["type": "string", "enum": ["done", "not_sent", "outcome_unknown"]],
                ],
                "required": ["sequence", "address", "effect", "outcome"],
            ],
        ]
        let error: JSONValue = [
            "type": "object",
            "properties": [
                "code": ["type": "string"], "message": ["type": "string"], "name": ["type": "string"], "line": ["type": "integer"],
                "column": ["type": "integer"], "stack": ["type": "string"], "retryable": ["type": "boolean"],
                "calls": calls, "callCount": ["type": "integer"],
            ],
            "required": ["code", "message", "retryable"],
        ]
        return JSONText([
            "type": "object",
            "properties": [
                "status": ["type": "string", "enum": ["completed", "error"]],
                "executionId": ["type": "string"],
                "result": ["description": .string(result)],
                "error": error,
                "emitted": ["type": "integer", "minimum": 1, "description": "How many items the program showed to the user."],
                "logs": ["type": "array", "items": ["type": "string"]],
            ],
            "required": ["status", "executionId", "logs"],
        ])
    }
}
