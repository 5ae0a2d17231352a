import JSON

/// Reads the parameters of an operation and of its path.
struct ParameterReader {
    private let references: LocalReferences
    private let limits: OpenAPILimits

    init(references: LocalReferences, limits: OpenAPILimits) {
        self.references = references
        self.limits = limits
    }

    /// Adds the operation's parameters to its binding and its input schema, path parameters first.
    func read(
        _ operation: OperationReader.Operation, into binding: inout OperationBinding, _ input: inout InputSchema,
        schemas: inout SchemaNormalizer
    ) throws(OpenAPIError) {
        var found = self.merged(operation, binding: &binding, faults: &schemas.faults)
        let variables = PathTemplate(binding.path).variables
        let declared = Set(found.filter { $0.parameter.location == .path }.map(\.parameter.name))
        for variable in variables where !declared.contains(variable) {
            schemas.faults.add("The path parameter \(variable.printable(100)) is not described; it is taken as a string.")
            found.append((ParameterBinding(name: variable, location: .path, coercion: .text), ["schema": ["type": "string"]]))
        }
        found.removeAll { $0.parameter.location == .path && !variables.contains($0.parameter.name) }
        // Which of two parameters with one name has it to itself must not depend on the order in the document.
        let order = ParameterBinding.Location.allCases
        var sorted: [(parameter: ParameterBinding, value: JSONValue)] = []
        for location in order { sorted += found.filter { $0.parameter.location == location } }
        let hasBody = operation.operation["requestBody"] != nil
        for (parameter, value) in sorted {
            var parameter = parameter
            if input.contains(parameter.name) || (hasBody && parameter.name == "body") {
                parameter.argument = "\(parameter.location.rawValue)_\(parameter.name)"
            }
            guard !input.contains(parameter.argument) else { continue }
            let media = value["content"]?.object?.first?.value
            let schema = try schemas.normalize(value["schema"] ?? media?["schema"])
            parameter.coercion = parameter.isJSON ? nil : Self.coercion(schemas.types(of: value["schema"]))
            input.add(parameter.argument, schema, description: value["description"]?.string, isRequired: parameter.isRequired)
            binding.parameters.append(parameter)
        }
    }

    /// The path's parameters and the operation's, which replace those with the same name and place.
    private func merged(
        _ operation: OperationReader.Operation, binding: inout OperationBinding, faults: inout IngestFaults
    ) -> [(parameter: ParameterBinding, value: JSONValue)] {
        var found: [(parameter: ParameterBinding, value: JSONValue)] = []
        for list in [operation.item["parameters"], operation.operation["parameters"]] {
            for element in list?.array ?? [] {
                let value: JSONValue
                do {
                    value = try self.references.resolved(element)
                } catch {
                    faults.add("A parameter \(error.message). The operation is listed and cannot be called.")
                    binding.fault = "One of its parameters \(error.message)."
                    continue
                }
                guard let parameter = self.parameter(value, faults: &faults) else { continue }
                if let index = found.firstIndex(where: {
                    $0.parameter.location == parameter.location && $0.parameter.name == parameter.name
                }) {
                    found[index] = (parameter, value)
                } else if found.count < self.limits.maxParameters {
                    found.append((parameter, value))
                } else {
                    faults.add("It has more than \(self.limits.maxParameters) parameters; the rest is left out.")
                }
            }
        }
        return found
    }

    private func parameter(_ value: JSONValue, faults: inout IngestFaults) -> ParameterBinding? {
        guard let name = value["name"]?.string, !name.isEmpty,
            let location = value["in"]?.string.flatMap(ParameterBinding.Location.init(rawValue:))
        else {
            faults.add("A parameter has no name or no place; it is left out.")
            return nil
        }
        if location == .header, !RequestFields.mayBeParameter(name) {
            // OpenAPI itself says to ignore these three.
            if !["accept", "authorization", "content-type"].contains(name.lowercased()) {
                faults.add("The header \(name.printable(100)) cannot be a parameter; it is left out.")
            }
            return nil
        }
        if location == .cookie, !RequestFields.isToken(name) {
            faults.add("The cookie \(name.printable(100)) has a name that cookies cannot have; it is left out.")
            return nil
        }
        return ParameterBinding(
            name: name, location: location, isRequired: value["required"]?.bool ?? false,
            style: value["style"]?.string.flatMap(ParameterBinding.Style.init(rawValue:)), explode: value["explode"]?.bool,
            allowReserved: value["allowReserved"]?.bool ?? false, isJSON: value["content"]?.object?.isEmpty == false)
    }

    private static func coercion(_ types: Set<String>?) -> ParameterBinding.Coercion? {
        guard let types = types?.subtracting(["null"]), !types.isEmpty else { return nil }
        if types == ["string"] { return .text }
        if types == ["boolean"] { return .boolean }
        return types.isSubset(of: ["integer", "number"]) ? .number : nil
    }
}
