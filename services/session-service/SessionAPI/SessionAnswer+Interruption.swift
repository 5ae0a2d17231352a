package import MCP

/// What a client is told when its answer does not come, made by somebody who can find out more: gets what would be told, and gives what is;
/// nil for nothing, which is only for a client that can come back for its answer.
package typealias InterruptionNarrator = @Sendable (_ error: MCPError, _ canComeBack: Bool) async -> MCPError?

extension SessionAnswer {
    /// The same answer; should its stream break off, `narrator` says what became of the call.
    package func narrating(_ narrator: @escaping InterruptionNarrator) -> SessionAnswer {
        guard case .events(var events) = self.body else { return self }
        events.narrator = narrator
        var answer = self
        answer.body = .events(events)
        return answer
    }
}
