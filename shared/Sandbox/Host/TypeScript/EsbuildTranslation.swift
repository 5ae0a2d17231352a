import JSON

/// What is asked of esbuild for one program, and how its answer is read.
enum EsbuildTranslation {
    /// The request. The target is the newest, so that as little as possible is rewritten: the engine knows all of it.
    static func request(_ source: String) -> EsbuildValue {
        .object([
            "command": .string("transform"),
            "flags": .array(
                [
                    "--loader=ts", "--target=esnext", "--sourcemap=external", "--sourcefile=code.ts", "--sources-content=false",
                    "--log-level=silent",
                ]
                .map { .string($0) }),
            "inputFS": .bool(false),
            "input": .bytes(Array(ProgramWrapping.wrap(source).utf8)),
        ])
    }

    /// Reads the answer.
    ///
    /// - Throws: `syntax_error` with the position in the author's text, or `unavailable` for an answer that makes no sense.
    static func program(from answer: EsbuildValue, source: String) throws(SandboxError) -> TranslatedProgram {
        if let error = answer["errors"]?.array?.first { throw self.syntaxError(error, source: source) }
        guard
            let code = answer["code"]?.string, let map = answer["map"]?.string,
            let mappings = try? JSONValue(parsing: Array(map.utf8))["mappings"]?.string
        else { throw SandboxError(.unavailable, "The TypeScript service gave an answer that makes no sense.") }
        return TranslatedProgram(code: code, mappings: mappings)
    }

    private static func syntaxError(_ error: EsbuildValue, source: String) -> SandboxError {
        let text = error["text"]?.string ?? "Syntax error"
        let end = ProgramWrapping.end(of: source)
        guard
            let location = error["location"], let line = location["line"]?.integer, let column = location["column"]?.integer,
            let lineText = location["lineText"]?.string
        else { return SandboxError(.syntaxError, text) }
        // The column counts bytes of the line.
        let units = String(decoding: lineText.utf8.prefix(column), as: UTF8.self).utf16.count
        guard line <= end.line else {
            return SandboxError(
                .syntaxError, "The program ends too early, or has a closing bracket too many (\(text)).", position: end)
        }
        let position = ProgramWrapping.position(of: SourceMap.Place(line: line - 1, column: units))
        let hasSmartQuote = ["“", "”", "‘", "’"].contains { text.contains($0) }
        let hint = hasSmartQuote ? ". Use straight quotes: \" or '" : ""
        return SandboxError(.syntaxError, text + hint, position: position ?? SandboxError.Position(line: 1, column: 1))
    }
}
