/// The program in what an agent sent: out of its Markdown fence, and called if it is a function.
///
/// Every line of the program keeps its number, and every column but those on one line, so that positions in errors can be given in
/// terms of the text that was sent.
package struct RecoveredProgram: Sendable, Equatable {
    /// The body of an async function, in TypeScript.
    package let source: String
    /// The line on which text was put in before the program's, counted from one; nil when none was.
    private let shiftedLine: Int?
    /// How many columns of that line are ours.
    private let shift: Int
    /// Whether ``source`` differs from the text in its fence, because a function was found and is called.
    package let callsFunction: Bool

    /// Recovers the program from what an agent sent.
    package init(_ text: String) {
        let body = ProgramFence.unwrapped(Array(text.utf8))
        self.init(body: body, shape: ProgramShape(of: body[...]))
    }

    private init(body: [UInt8], shape: ProgramShape) {
        var bytes = body
        let suffix: String
        var insertion: (offset: Int, prefix: String)?
        switch shape {
        case .statements:
            suffix = ""
        case .declaration(let name, let export):
            Self.blank(export, in: &bytes)
            suffix = "\nreturn await \(name)();"
        case .function(let range, let export):
            Self.blank(export, in: &bytes)
            bytes.removeSubrange(range.upperBound...)
            insertion = (range.lowerBound, "return await (")
            suffix = "\n)();"
        case .call(let range, let export):
            Self.blank(export, in: &bytes)
            insertion = (range.lowerBound, "return await ")
            suffix = ""
        }
        self.callsFunction = shape != .statements
        self.shiftedLine = insertion.map { insertion in 1 + bytes[..<insertion.offset].count { $0 == UInt8(ascii: "\n") } }
        self.shift = insertion?.prefix.utf8.count ?? 0
        if let insertion { bytes.insert(contentsOf: insertion.prefix.utf8, at: insertion.offset) }
        self.source = String(decoding: bytes, as: UTF8.self) + suffix
    }

    /// The text in its fence as it is, in case the recovered form turns out not to be a program.
    package static func asWritten(_ text: String) -> RecoveredProgram {
        self.init(body: ProgramFence.unwrapped(Array(text.utf8)), shape: .statements)
    }

    /// The column in the text that was sent for a column of ``source``, both counted from one.
    package func originalColumn(line: Int, column: Int) -> Int {
        line == self.shiftedLine ? max(1, column - self.shift) : column
    }

    private static func blank(_ range: Range<Int>?, in bytes: inout [UInt8]) {
        guard let range else { return }
        for index in range where bytes[index] != UInt8(ascii: "\n") { bytes[index] = UInt8(ascii: " ") }
    }
}
