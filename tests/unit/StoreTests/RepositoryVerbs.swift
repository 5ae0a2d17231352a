import Foundation

/// The repositories' verbs as their source files declare them, so that no test over all of them can miss one.
struct RepositoryVerb: Hashable {
    /// For example `PolicyRepository.remove(_:in:)`.
    let name: String
    /// Whether an organization is among its parameters, alone or as part of a draft.
    let takesOrganization: Bool

    /// Every `package func` of every repository.
    static func all(file: String = #filePath) throws -> [RepositoryVerb] {
        let root = URL(fileURLWithPath: file).deletingLastPathComponent().appendingPathComponent("../../../shared/Store/Repositories")
        return try FileManager.default.contentsOfDirectory(atPath: root.path).filter { $0.hasSuffix("Repository.swift") }.sorted()
            .flatMap { file in
                let source = try String(contentsOf: root.appendingPathComponent(file), encoding: .utf8)
                return source.components(separatedBy: "package func ").dropFirst().map {
                    RepositoryVerb(declaration: $0, type: String(file.dropLast(".swift".count)))
                }
            }
    }

    private init(declaration: String, type: String) {
        var depth = 0
        var parameters = [""]
        for character in declaration.drop(while: { $0 != "(" }) {
            if "([".contains(character) { depth += 1 }
            if ")]".contains(character) { depth -= 1 }
            if depth == 0 { break }
            if depth == 1, character == "," { parameters.append("") } else { parameters[parameters.count - 1].append(character) }
        }
        let labels = parameters.compactMap { parameter in
            parameter.split { " \n(".contains($0) }.first.map { $0.hasSuffix(":") ? String($0) : "\($0):" }
        }
        self.name = "\(type).\(declaration.prefix { $0 != "(" })(\(labels.joined()))"
        self.takesOrganization = parameters.contains { ["OrganizationID", "SessionDraft", "ExecutionDraft"].contains(where: $0.contains) }
    }
}
