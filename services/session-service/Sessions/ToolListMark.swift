package import MCP

/// Stands for one list of tools, so that two can be told apart without keeping either: 64 bits of FNV-1a over what `tools/list` says.
///
/// It guards against nothing but missing a change, hence no cryptographic hash; the same list has the same mark in every process of a
/// version.
package struct ToolListMark: Sendable, Hashable, CustomStringConvertible {
    private let value: UInt64

    /// Stands for a list that a client may have and nobody knows: no list has this mark, but by a chance that counts for nothing. It is told
    /// of every list there is.
    static let unknown = ToolListMark(value: 0)

    private init(value: UInt64) { self.value = value }

    /// The mark of a list.
    package init(_ tools: [MCPTool]) {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in MCPAnswer.tools(JSONRPCID(0), tools, revision: .newestWithSessions) {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
        }
        self.value = hash
    }

    /// Reads what ``description`` gave.
    init?(_ text: Substring) {
        guard text.utf8.count == 16, !text.hasPrefix("+"), let value = UInt64(text, radix: 16) else { return nil }
        self.value = value
    }

    /// Sixteen hexadecimal digits.
    package var description: String {
        let digits = String(self.value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
