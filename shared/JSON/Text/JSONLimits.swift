/// Bounds on what a JSON text may cost; every reader in this module takes one and stops with a typed error when a bound is passed.
///
/// A text from outside decides how much memory its tree takes: `[0,0,…]` grows twelvefold. The defaults let the largest real documents
/// through (openai.json: 3.4 MB, 61,000 values, depth 21) and stop the ones written to do harm.
package struct JSONLimits: Sendable, Hashable {
    /// The longest text in bytes. Default 64 MiB.
    package var maxBytes: Int
    /// How deep arrays and objects may nest; a scalar alone has depth 0. Default 128.
    ///
    /// Readers and writers recurse, so this bounds the stack as well: stay below 1,000.
    package var maxDepth: Int
    /// How many values (scalars, arrays and objects together) a tree may hold; not counted where no tree is built. Default 2,000,000.
    package var maxValues: Int
    /// The longest number in bytes, because exact arithmetic on numbers costs their length. Default 1,024.
    package var maxNumberBytes: Int
    /// Whether an escape may be half a surrogate pair, which a tree can only hold as U+FFFD. Default true, because whole answers of
    /// upstreams would be lost otherwise; false where a string is stored and must come out as it went in.
    package var allowsHalfSurrogates: Bool

    package init(
        maxBytes: Int = 64 << 20, maxDepth: Int = 128, maxValues: Int = 2_000_000, maxNumberBytes: Int = 1_024,
        allowsHalfSurrogates: Bool = true
    ) {
        self.maxBytes = maxBytes
        self.maxDepth = maxDepth
        self.maxValues = maxValues
        self.maxNumberBytes = maxNumberBytes
        self.allowsHalfSurrogates = allowsHalfSurrogates
    }

    /// The bounds used where a caller names none.
    package static let `default` = JSONLimits()
}
