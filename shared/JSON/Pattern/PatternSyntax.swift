/// A regular expression as a tree (ECMA-262 §22.2.1), without what does not change whether it matches: captures and laziness.
indirect enum PatternSyntax: Sendable {
    case empty
    /// One scalar out of a set.
    case scalar(ScalarSet)
    case sequence([PatternSyntax])
    case alternatives([PatternSyntax])
    case repetition(PatternSyntax, minimum: Int, maximum: Int?)
    case assertion(PatternAssertion)
    /// Look-ahead or look-behind; the same pattern must (or, negated, must not) match there.
    case lookaround(PatternSyntax, isBehind: Bool, isNegated: Bool)
}

/// A condition on a place between two scalars.
enum PatternAssertion: Sendable {
    case start
    case end
    case wordBoundary
    case notWordBoundary
}
