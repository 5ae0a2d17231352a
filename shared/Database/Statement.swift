/// One SQL statement, written once for both databases.
///
/// Parameters are `$1`, `$2`, …; what the dialects spell differently stands in braces (``Dialect/tokens``): `{now}` is the
/// database's own clock in microseconds. A statement is a literal, in which only other statements can be interpolated, so that no
/// value from outside can ever become part of its text.
package struct Statement: Sendable, Hashable {
    /// The text before a driver rewrites it.
    package let text: String
    /// Whether the text is known at compile time. Drivers keep such statements prepared; how many there are is bounded by the
    /// program's source. Generated ones are prepared for each use.
    package let isFixed: Bool

    /// Takes generated text, for statements whose number of parameters varies. Never put a value into it.
    package init(generated text: String) {
        self.text = text
        self.isFixed = false
    }

    private init(text: String, isFixed: Bool) {
        self.text = text
        self.isFixed = isFixed
    }
}

extension Statement: ExpressibleByStringInterpolation {
    /// Collects literal pieces and interpolated statements.
    package struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var text = ""
        fileprivate var isFixed = true

        package init(literalCapacity: Int, interpolationCount: Int) {
            self.text.reserveCapacity(literalCapacity + interpolationCount * 64)
        }

        package mutating func appendLiteral(_ literal: StaticString) {
            literal.withUTF8Buffer { self.text += String(decoding: $0, as: UTF8.self) }
        }

        /// Appends another statement's text, for example a record's column list.
        package mutating func appendInterpolation(_ fragment: Statement) {
            self.text += fragment.text
            self.isFixed = self.isFixed && fragment.isFixed
        }
    }

    package init(stringLiteral value: StaticString) {
        self.init(text: value.withUTF8Buffer { String(decoding: $0, as: UTF8.self) }, isFixed: true)
    }

    package init(stringInterpolation: StringInterpolation) {
        self.init(text: stringInterpolation.text, isFixed: stringInterpolation.isFixed)
    }
}
