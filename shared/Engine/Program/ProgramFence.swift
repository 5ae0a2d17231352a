/// Takes a program out of the Markdown that a model put around it.
///
/// A fence opens on a line that begins with three or more backticks, whatever its label, and closes on the next line that holds only
/// as many; prose around it is dropped. Backticks inside a line are left alone, because programs write Markdown too: a line of a valid
/// program hardly ever begins with three of them.
enum ProgramFence {
    /// The bytes of the program, with an empty line for every line before it; the whole text when there is no fence.
    static func unwrapped(_ text: [UInt8]) -> [UInt8] {
        if let inline = self.inlineFence(text) { return inline }
        var opening: (length: Int, content: Int)?
        var blankLines = 0
        var lineStart = 0
        while lineStart < text.count {
            let lineEnd = text[lineStart...].firstIndex(of: UInt8(ascii: "\n")) ?? text.count
            let line = self.trimmed(text[lineStart..<lineEnd])
            let ticks = line.prefix { $0 == UInt8(ascii: "`") }.count
            if let open = opening {
                if ticks >= open.length, ticks == line.count {
                    return self.program(text[open.content..<lineStart], blankLines: blankLines)
                }
            } else if ticks >= 3, !line.dropFirst(ticks).contains(UInt8(ascii: "`")) {
                opening = (ticks, min(lineEnd + 1, text.count))
                blankLines += 1
            } else {
                blankLines += 1
            }
            lineStart = lineEnd + 1
        }
        guard let open = opening else { return text }
        return self.program(self.withoutClosingTicks(text[open.content...], open.length), blankLines: blankLines)
    }

    /// A fence on a single line: three backticks, perhaps a label, the program, three backticks.
    private static func inlineFence(_ text: [UInt8]) -> [UInt8]? {
        let line = self.trimmed(text[...])
        let ticks = line.prefix { $0 == UInt8(ascii: "`") }.count
        guard ticks >= 3, line.count >= 2 * ticks, !line.contains(UInt8(ascii: "\n")) else { return nil }
        guard line.suffix(ticks).allSatisfy({ $0 == UInt8(ascii: "`") }) else { return nil }
        var content = line.dropFirst(ticks).dropLast(ticks)
        let label = content.prefix { $0 != UInt8(ascii: " ") }
        if self.labels.contains(String(decoding: label, as: UTF8.self).lowercased()) { content = content.dropFirst(label.count) }
        return Array(content)
    }

    private static let labels: Set<String> = ["ts", "typescript", "tsx", "js", "javascript", "jsx", "mjs"]

    private static func program(_ content: ArraySlice<UInt8>, blankLines: Int) -> [UInt8] {
        Array(repeating: UInt8(ascii: "\n"), count: blankLines) + content
    }

    /// A fence that was opened and not closed on a line of its own may still be closed at the very end.
    private static func withoutClosingTicks(_ content: ArraySlice<UInt8>, _ length: Int) -> ArraySlice<UInt8> {
        let line = self.trimmed(content)
        let ticks = line.reversed().prefix { $0 == UInt8(ascii: "`") }.count
        return ticks >= length ? content[..<(line.endIndex - ticks)] : content
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let isBlank: (UInt8) -> Bool = {
            $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\n")
        }
        guard let first = bytes.firstIndex(where: { !isBlank($0) }), let last = bytes.lastIndex(where: { !isBlank($0) }) else {
            return bytes.prefix(0)
        }
        return bytes[first...last]
    }
}
