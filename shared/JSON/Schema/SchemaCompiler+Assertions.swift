/// The vocabulary for structural validation (draft 2020-12, validation §6).
extension SchemaCompiler {
    /// Reads an assertion keyword; nil where it is none.
    mutating func assertionRule(_ keyword: String, _ value: JSONValue, in context: Context) throws(JSONSchemaError) -> SchemaRule? {
        if let bound = SchemaBound.Keyword(rawValue: keyword) {
            return .bound(SchemaBound(keyword: bound, limit: try self.number(value, of: keyword, in: context)))
        }
        if let size = SchemaSize.Keyword(rawValue: keyword) {
            return .size(SchemaSize(keyword: size, limit: try self.count(value, of: keyword, in: context)))
        }
        switch keyword {
        case "type": return .type(try self.types(value, in: context))
        case "const": return .constant(SchemaConstant(value))
        case "enum":
            guard let values = value.array else { throw self.malformed("an array", keyword, in: context) }
            return .enumeration(values.map(SchemaConstant.init))
        case "multipleOf":
            let divisor = try self.number(value, of: keyword, in: context)
            guard divisor > 0, divisor.decimal.digits.count <= 18 else {
                throw self.malformed("a positive number of at most 18 digits", keyword, in: context)
            }
            return .multiple(of: divisor)
        case "pattern":
            guard let source = value.string else { throw self.malformed("a string", keyword, in: context) }
            return .pattern(try self.pattern(source, in: context, keyword: keyword))
        case "uniqueItems":
            guard let isOn = value.bool else { throw self.malformed("true or false", keyword, in: context) }
            return isOn ? .uniqueItems : nil
        case "required": return .required(try self.strings(value, of: keyword, in: context))
        case "dependentRequired":
            guard let members = value.object else { throw self.malformed("an object", keyword, in: context) }
            var dependencies: [(String, [String])] = []
            for (name, names) in members { dependencies.append((name, try self.strings(names, of: keyword, in: context))) }
            return .dependentRequired(dependencies)
        default: return nil
        }
    }

    /// Reads a number of things: `minItems` and its like.
    func count(_ value: JSONValue, of keyword: String, in context: Context) throws(JSONSchemaError) -> Int {
        guard let number = value.number, number.isInteger, number >= 0 else {
            throw self.malformed("an integer that is not negative", keyword, in: context)
        }
        // Nothing can ever be as large as what does not fit.
        return number.int ?? .max
    }

    /// Makes the error for a keyword whose value has the wrong form.
    func malformed(_ expected: String, _ keyword: String, in context: Context) -> JSONSchemaError {
        self.fault(.malformedKeyword, "\(keyword) must be \(expected)", in: context, keyword: keyword)
    }

    private func number(_ value: JSONValue, of keyword: String, in context: Context) throws(JSONSchemaError) -> JSONNumber {
        guard let number = value.number else { throw self.malformed("a number", keyword, in: context) }
        return number
    }

    private func strings(_ value: JSONValue, of keyword: String, in context: Context) throws(JSONSchemaError) -> [String] {
        let strings = value.array?.compactMap(\.string) ?? []
        guard let elements = value.array, strings.count == elements.count else {
            throw self.malformed("an array of strings", keyword, in: context)
        }
        return strings
    }

    private func types(_ value: JSONValue, in context: Context) throws(JSONSchemaError) -> SchemaTypes {
        let names = if let name = value.string { [name] } else { try self.strings(value, of: "type", in: context) }
        var types = SchemaTypes()
        for name in names {
            if name == "integer" {
                types.allowsInteger = true
            } else if let kind = JSONKind(rawValue: name) {
                types.kinds.insert(kind)
            } else {
                throw self.malformed("one of the seven types or an array of them", "type", in: context)
            }
        }
        return types
    }
}
