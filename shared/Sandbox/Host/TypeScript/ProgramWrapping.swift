/// The function that a program's text is the body of, and the way back from positions in the wrapped text to the author's.
///
/// It is an expression, so that a text which closes the function too early is refused instead of running half outside of it.
enum ProgramWrapping {
    /// Without a line break, so that lines keep their numbers.
    private static let head = "(async function () {\"use strict\";"
    /// A comment on the last line must not swallow the end.
    private static let tail = "\n})"

    /// The text that is translated.
    static func wrap(_ source: String) -> String { self.head + source + self.tail }

    /// The author's position, counted from one, for a place in the wrapped text; nil for one that the wrapping added.
    static func position(of place: SourceMap.Place) -> SandboxError.Position? {
        let column = place.line == 0 ? place.column - self.head.utf16.count : place.column
        return column < 0 ? nil : SandboxError.Position(line: place.line + 1, column: column + 1)
    }

    /// The last position of a text.
    static func end(of source: String) -> SandboxError.Position {
        let lines = source.split(omittingEmptySubsequences: false) { $0.isNewline }
        return SandboxError.Position(line: lines.count, column: (lines.last?.utf16.count ?? 0) + 1)
    }
}
