import Foundation
package import JSON

/// The shared folder of real OpenAPI documents, beside the package.
package enum OpenAPICorpus {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../../shared/corpus/openapi").standardizedFileURL

    /// The documents that are read; the sixth is one of these in YAML.
    package static let names = ["petstore.yaml", "box.json", "twilio-2010.json", "discord.json", "openai.json"]

    /// Whether the documents are there. On a build server they have to be.
    package static let isPresent: Bool = {
        let isPresent = FileManager.default.fileExists(atPath: Self.folder.path)
        if !isPresent {
            print("skipped: the corpus is not at \(Self.folder.path)")
            precondition(ProcessInfo.processInfo.environment["CI"] != "true", "the corpus is missing")
        }
        return isPresent
    }()

    /// The bytes of one document.
    package static func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: Self.folder.appendingPathComponent(name)))
    }

    /// How many operations a document has, counted without the code under test.
    package static func operationCount(_ document: JSONValue) -> Int {
        let methods: Set<String> = ["get", "put", "post", "delete", "options", "head", "patch", "trace"]
        return (document["paths"]?.object ?? [:]).reduce(0) { count, path in
            count + (path.value.object ?? [:]).count { methods.contains($0.key) && $0.value.object != nil }
        }
    }
}

extension JSONValue {
    /// The value with the members of all objects in order, so that two texts of one value are equal.
    package var canonical: JSONValue {
        switch self {
        case .object(let members):
            .object(JSONObject(members.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value.canonical) }))
        case .array(let elements): .array(elements.map(\.canonical))
        default: self
        }
    }
}
