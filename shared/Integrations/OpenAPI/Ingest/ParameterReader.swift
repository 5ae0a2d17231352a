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
        guard variables.count <= self.limits.maxParameters else {
            schemas.faults.add(
                "Its path has more than \(self.limits.maxParameters) parameters. The operation is listed and cannot be called.")
            binding.fault = "Its path has more than \(self.limits.maxParameters) parameters."
            return
        }
        for variable in variables where !declared.contains(variable) {
            schemas.faults.add("The path parameter \(variable.printable(100)) is not described; it is taken as a string.")
            found.append((ParameterBinding(name: variable, location: .path, coercion: .text), ["schema": ["type": "string"]]))
        }
        found.removeAll { $0.parameter.location == .path && !variables.contains($0.parameter.name) }
        let hasBody = operation.operation["requestBody"] != nil
        for (parameter, value) in Self.named(found, reserved: hasBody ? ["body"] : []) {
            var parameter = parameter
            let media = value["content"]?.object?.first?.value
            if let description = value["description"] { try schemas.charge(description) }
            let schema = try schemas.normalize(value["schema"] ?? media?["schema"])
            parameter.coercion = parameter.isJSON ? nil : Self.coercion(schemas.types(of: value["schema"]))
            input.add(parameter.argument, schema, description: value["description"]?.string, isRequired: parameter.isRequired)
            binding.parameters.append(parameter)
        }
    }

    /// The parameters in the order of their places, each with an argument of its own.
    ///
    /// Of several with one name the first in that order has it to itself, so that it does not depend on the order in the document; the
    /// others get their place in front, and a number where even that is a name.
    private static func named(
        _ found: [(parameter: ParameterBinding, value: JSONValue)], reserved: Set<String>
    ) -> [(parameter: ParameterBinding, value: JSONValue)] {
        let names = Set(found.map(\.parameter.name))
        var taken = reserved
        var sorted: [(parameter: ParameterBinding, value: JSONValue)] = []
        for location in ParameterBinding.Location.allCases {
            for (parameter, value) in found where parameter.location == location {
                var parameter = parameter
                if !taken.insert(parameter.name).inserted {
                    let base = "\(location.rawValue)_\(parameter.name)"
                    parameter.argument = base
                    var number = 2
                    while names.contains(parameter.argument) || !taken.insert(parameter.argument).inserted {
                        parameter.argument = "\(base)_\(number)"
                        number += 1
                    }
                }
                sorted.append((parameter, value))
            }
        }
        return sorted
    }

    /// The path's parameters and the operation's, which replace those with the same name and place.
    private func merged(
        _ operation: OperationReader.Operation, binding: inout OperationBinding, faults: inout IngestFaults
    ) -> [(parameter: ParameterBinding, value: JSONValue)] {
        var found: [(parameter: ParameterBinding, value: JSONValue)] = []
        for list in [operation.item["parameters"], operation.operation["parameters"]] {
            for element in (list?.array ?? []).prefix(2 * self.limits.maxParameters) {
                let value: JSONValue
                do {
                    value = try self.references.resolved(element)
                } catch {
                    faults.add("A parameter \(error.message). The operation is listed and cannot be called.")
                    binding.fault = "One of its parameters \(error.message)."
                    continue
                }
                guard let parameter = self.parameter(value, faults: &faults) else { continue }
                if let index = found.firstIndex(where: { Self.areSame($0.parameter, parameter) }) {
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

    /// Whether two parameters are one: names of header fields have no case (RFC 9110, section 5.1).
    private static func areSame(_ one: ParameterBinding, _ other: ParameterBinding) -> Bool {
        guard one.location == other.location else { return false }
        return one.location == .header ? one.name.lowercased() == other.name.lowercased() : one.name == other.name
    }

    private static let maxNameBytes = 512

    private func parameter(_ value: JSONValue, faults: inout IngestFaults) -> ParameterBinding? {
        guard let name = value["name"]?.string, !name.isEmpty,
            let location = value["in"]?.string.flatMap(ParameterBinding.Location.init(rawValue:))
        else {
            faults.add("A parameter has no name or no place; it is left out.")
            return nil
        }
        guard name.utf8.count <= Self.maxNameBytes else {
            faults.add("A parameter has a name of more than \(Self.maxNameBytes) bytes; it is left out.")
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
