package import MCP
import Service

/// What is read from MCP clients, in the gateway and in the session-service alike.
///
/// Configuration keys: `roost.gateway.max_message_bytes`, which both services obey, and the bounds below.
package struct MCPSettings: Sendable {
    package let limits: MCPLimits

    init(_ reader: inout SettingsReader, gateway: GatewaySettings) {
        var limits = MCPLimits()
        limits.maxMessageBytes = gateway.maxMessageBytes
        limits.maxDepth = reader.integer("roost.mcp.max_depth", default: limits.maxDepth, in: 8...500, "How deep a message may nest.")
        limits.maxClientDescriptionBytes = reader.byteCount(
            "roost.mcp.max_client_description_bytes", default: limits.maxClientDescriptionBytes, in: 256...64 << 10,
            "`clientInfo` and `capabilities`, each; they are kept with the session.")
        limits.maxCallsInFlight = reader.integer(
            "roost.mcp.max_calls_in_flight", default: limits.maxCallsInFlight, in: 1...1000, "Calls under way in one session.")
        self.limits = limits
    }
}
