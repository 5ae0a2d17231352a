/// A program as the engine runs it, and the way back to its author's text.
struct TranslatedProgram: Sendable {
    /// JavaScript: one function expression.
    let code: String
    /// The source map's `mappings`; decoded when an error needs them.
    let mappings: String

    /// What the program threw, with positions of the author's text in place of the translation's. Frames of the prelude and the engine
    /// are left out.
    func thrown(name: String, message: String, stack: String) -> SandboxThrown {
        let map = SourceMap(mappings: self.mappings)
        let frames = stack.split(separator: "\n").compactMap { StackFrame(parsing: $0) }
        let positions = frames.map { (name: $0.function, position: map?.original(of: $0.place).flatMap(ProgramWrapping.position)) }
        let lines = positions.compactMap { frame in
            frame.position.map { position in
                let location = "code.ts:\(position.line):\(position.column)"
                return frame.name.isEmpty ? "    at \(location)" : "    at \(frame.name) (\(location))"
            }
        }
        let first = positions.lazy.compactMap(\.position).first
        return SandboxThrown(
            name: name, message: message, stack: lines.joined(separator: "\n"), line: first?.line, column: first?.column)
    }
}

/// One frame of a stack as JavaScriptCore writes it: `name@code.ts:line:column`, both counted from one.
private struct StackFrame {
    let function: Substring
    let place: SourceMap.Place

    /// Reads a frame of the program itself; nil for every other.
    init?(parsing line: Substring) {
        let marker = "code.ts:"
        let separator = line.lastIndex(of: "@")
        let location = separator.map { line[line.index(after: $0)...] } ?? line
        guard location.hasPrefix(marker) else { return nil }
        let numbers = location.dropFirst(marker.count).split(separator: ":").compactMap { Int($0) }
        guard numbers.count == 2, numbers.allSatisfy({ $0 > 0 }) else { return nil }
        self.function = separator.map { line[..<$0] } ?? ""
        self.place = SourceMap.Place(line: numbers[0] - 1, column: numbers[1] - 1)
    }
}
