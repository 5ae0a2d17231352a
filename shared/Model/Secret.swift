/// A value that must not be seen: it prints as a placeholder wherever it is printed, interpolated, dumped or mirrored.
///
/// The only way to the value is ``reveal()``, so that a search for that word finds every place where a secret is used.
package struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let value: String

    package init(_ value: String) { self.value = value }

    /// The value itself, for the one call that needs it.
    package func reveal() -> String { self.value }

    package var description: String { "<secret>" }
    package var debugDescription: String { "<secret>" }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
