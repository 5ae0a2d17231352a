package import JSON

/// One call of a tool by a program: `tools.<path>(argument)`.
package struct SandboxCall: Sendable, Hashable {
    /// The call's number within its run, counted from one in the order in which the program made its calls.
    package let id: UInt32
    /// What stood between `tools` and the parentheses, joined by dots. Whatever a program likes: at most 1,024 characters, nothing else is
    /// checked.
    package let path: String
    /// The first argument; nil when there was none or it was `undefined`. Known to be one valid JSON text.
    package let argument: JSONText?

    package init(id: UInt32, path: String, argument: JSONText?) {
        self.id = id
        self.path = path
        self.argument = argument
    }
}

/// What a tool call gives back to the program.
package enum SandboxReply: Sendable {
    /// The call's promise is fulfilled with this value.
    case value(JSONText)
    /// The same, for an answer put together around a large text: its bytes are sent after the prefix, never copied together in memory.
    case spliced(SplicedJSON)
    /// The call's promise is rejected with an `Error` of this name and message, whose stack names the line of the call.
    case throwing(name: String, message: String)
}

/// One JSON value in three pieces, of which the middle one may be large.
///
/// Whoever makes one vouches that the pieces joined are one JSON text, for example `{"ok":true,"data":` + body + `}`. Where they are
/// not, the program sees its call rejected.
package struct SplicedJSON: Sendable {
    package let prefix: [UInt8]
    package let body: JSONText
    package let suffix: [UInt8]

    package init(prefix: [UInt8], body: JSONText, suffix: [UInt8]) {
        self.prefix = prefix
        self.body = body
        self.suffix = suffix
    }
}
