import JSON
import Testing

/// The required tests of the JSON Schema test suite for draft 2020-12 (everything outside `optional`).
@Suite("JSON Schema test suite", Corpus.isRequired)
struct SchemaSuiteTests {
    private static let folder = "json-schema/tests/draft2020-12"

    /// The test cases that are allowed to fail, each with the reason: none.
    private static let exceptions: [String: String] = [:]

    /// What the suite expects to be served under localhost, by URI.
    private static let remotes: [String: JSONValue] = {
        var remotes: [String: JSONValue] = [:]
        for path in Corpus.paths(below: "json-schema/remotes") {
            remotes["http://localhost:1234/\(path)"] = try? JSONValue(parsing: Corpus.bytes("json-schema/remotes/\(path)"))
        }
        return remotes
    }()

    @Test("Every required test case gives the expected answer", arguments: Corpus.names(in: folder))
    func file(name: String) throws {
        let groups = try #require(JSONValue(parsing: Corpus.bytes("\(Self.folder)/\(name)")).array)
        for group in groups {
            let schema = try JSONSchema(compiling: #require(group["schema"]), documents: Self.remotes)
            for test in try #require(group["tests"]?.array) {
                let title = "\(name): \(group["description"]?.string ?? ""): \(test["description"]?.string ?? "")"
                guard Self.exceptions[title] == nil else { continue }
                let data = try #require(test["data"])
                let violations = schema.validate(data)
                #expect(violations.isEmpty == test["valid"]?.bool, "\(title): \(violations)")
                #expect(schema.isValid(data) == violations.isEmpty, "\(title)")
            }
        }
    }

    @Test("The whole suite is there")
    func count() throws {
        let groups = try Corpus.names(in: Self.folder).flatMap { name in
            try #require(JSONValue(parsing: Corpus.bytes("\(Self.folder)/\(name)")).array)
        }
        #expect(groups.reduce(0) { $0 + ($1["tests"]?.array?.count ?? 0) } == 1_299)
    }
}
