/// A regular expression in the syntax of ECMA-262 with the `u` flag, as JSON Schema's `pattern` uses it, that cannot be made to hang.
///
/// It is matched by advancing all alternatives together (Thompson's construction) and never by backtracking, so the time grows with
/// the length of the text times the size of the pattern. Look-around runs a machine of its own and remembers its answers. All of that
/// is counted, and the caller's budget ends it. Back references, which need backtracking, are refused.
package struct Pattern: Sendable {
    /// The text that the pattern was made from.
    package let source: String
    /// How many instructions it took.
    package let instructionCount: Int
    /// The look-arounds, and last the pattern itself.
    private let programs: [PatternProgram]

    /// Reads and compiles `source` into at most `maxInstructions` instructions, which bounds counted repetitions too.
    package init(_ source: String, maxInstructions: Int = 50_000) throws(PatternError) {
        var parser = PatternParser(source)
        let syntax = try parser.parse()
        var compiler = PatternCompiler(maxInstructions: maxInstructions)
        self.source = source
        try compiler.compile(syntax)
        self.programs = compiler.programs
        self.instructionCount = compiler.instructionCount
    }

    /// Whether the pattern matches somewhere in `text`; nil where `budget` steps were not enough to tell. What was used is taken off.
    package func matches(_ text: String, budget: inout Int) -> Bool? {
        var text = text
        return text.withUTF8 { bytes in
            var machine = PatternMachine(self.programs, text: bytes, budget: budget)
            defer { budget = machine.budget }
            let isFound = machine.find()
            return machine.isExhausted ? nil : isFound
        }
    }
}

/// Why a pattern cannot be used.
package struct PatternError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong with it.
    package let message: String
    /// Where, counted in Unicode scalars from 0.
    package let offset: Int

    package var description: String { "\(self.message) at offset \(self.offset)" }
}
