/// A Unicode property that `\p{…}` may ask for: a general category, or one of the binary properties that the standard library knows.
///
/// Scripts are not among them, since the standard library has no table of them.
enum ScalarProperty: Sendable, Hashable {
    case category(Set<Unicode.GeneralCategory>)
    case alphabetic, uppercase, lowercase, whitespace, emoji, idStart, idContinue

    /// Finds a property by the name inside the braces; nil where it is unknown.
    init?(named name: String) {
        let parts = name.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
        switch (parts.count, parts[0]) {
        case (2, "General_Category"), (2, "gc"): self.init(category: parts[1])
        case (1, "Alphabetic"), (1, "Alpha"): self = .alphabetic
        case (1, "Uppercase"), (1, "Upper"): self = .uppercase
        case (1, "Lowercase"), (1, "Lower"): self = .lowercase
        case (1, "White_Space"), (1, "space"): self = .whitespace
        case (1, "Emoji"): self = .emoji
        case (1, "ID_Start"), (1, "IDS"): self = .idStart
        case (1, "ID_Continue"), (1, "IDC"): self = .idContinue
        case (1, let category): self.init(category: category)
        default: return nil
        }
    }

    private init?(category name: String) {
        let matching = Self.categories.filter { $0.names.contains(name) || $0.names.contains { $0.count == 2 && $0.prefix(1) == name } }
        if !matching.isEmpty {
            self = .category(Set(matching.map(\.category)))
        } else if let initials = Self.groups[name] {
            self = .category(Set(Self.categories.filter { initials.contains($0.names[0]) }.map(\.category)))
        } else {
            return nil
        }
    }

    /// Whether `value`, which must be a scalar's, has the property.
    func contains(_ value: UInt32) -> Bool {
        guard let properties = Unicode.Scalar(value)?.properties else { return false }
        return switch self {
        case .category(let categories): categories.contains(properties.generalCategory)
        case .alphabetic: properties.isAlphabetic
        case .uppercase: properties.isUppercase
        case .lowercase: properties.isLowercase
        case .whitespace: properties.isWhitespace
        case .emoji: properties.isEmoji
        case .idStart: properties.isIDStart
        case .idContinue: properties.isIDContinue
        }
    }

    /// The long names of groups of categories; their short names are the first letters of their members'.
    private static let groups: [String: [String]] = [
        "Letter": ["Lu", "Ll", "Lt", "Lm", "Lo"], "Cased_Letter": ["Lu", "Ll", "Lt"], "LC": ["Lu", "Ll", "Lt"],
        "Mark": ["Mn", "Mc", "Me"], "Combining_Mark": ["Mn", "Mc", "Me"], "Number": ["Nd", "Nl", "No"],
        "Punctuation": ["Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"], "punct": ["Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"],
        "Symbol": ["Sm", "Sc", "Sk", "So"], "Separator": ["Zs", "Zl", "Zp"], "Other": ["Cc", "Cf", "Cs", "Co", "Cn"],
    ]

    private static let categories: [(category: Unicode.GeneralCategory, names: [String])] = [
        (.uppercaseLetter, ["Lu", "Uppercase_Letter"]), (.lowercaseLetter, ["Ll", "Lowercase_Letter"]),
        (.titlecaseLetter, ["Lt", "Titlecase_Letter"]), (.modifierLetter, ["Lm", "Modifier_Letter"]),
        (.otherLetter, ["Lo", "Other_Letter"]),
        (.nonspacingMark, ["Mn", "Nonspacing_Mark"]), (.spacingMark, ["Mc", "Spacing_Mark"]), (.enclosingMark, ["Me", "Enclosing_Mark"]),
        (.decimalNumber, ["Nd", "Decimal_Number", "digit"]), (.letterNumber, ["Nl", "Letter_Number"]),
        (.otherNumber, ["No", "Other_Number"]),
        (.connectorPunctuation, ["Pc", "Connector_Punctuation"]), (.dashPunctuation, ["Pd", "Dash_Punctuation"]),
        (.openPunctuation, ["Ps", "Open_Punctuation"]), (.closePunctuation, ["Pe", "Close_Punctuation"]),
        (.initialPunctuation, ["Pi", "Initial_Punctuation"]), (.finalPunctuation, ["Pf", "Final_Punctuation"]),
        (.otherPunctuation, ["Po", "Other_Punctuation"]), (.mathSymbol, ["Sm", "Math_Symbol"]),
        (.currencySymbol, ["Sc", "Currency_Symbol"]),
        (.modifierSymbol, ["Sk", "Modifier_Symbol"]), (.otherSymbol, ["So", "Other_Symbol"]), (.spaceSeparator, ["Zs", "Space_Separator"]),
        (.lineSeparator, ["Zl", "Line_Separator"]), (.paragraphSeparator, ["Zp", "Paragraph_Separator"]),
        (.control, ["Cc", "Control", "cntrl"]),
        (.format, ["Cf", "Format"]), (.surrogate, ["Cs", "Surrogate"]), (.privateUse, ["Co", "Private_Use"]),
        (.unassigned, ["Cn", "Unassigned"]),
    ]
}
