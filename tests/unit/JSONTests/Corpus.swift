import Foundation
import Testing

/// The public documents and test suites that lie beside the repository, found from this file's own path.
enum Corpus {
    /// Whether the corpus is there. Where it is not, tests over it are skipped aloud, except in continuous integration.
    static let isPresent: Bool =
        FileManager.default.fileExists(atPath: Self.root.path) || ProcessInfo.processInfo.environment["CI"] == "true"

    /// A trait that skips a test where the corpus is absent.
    static let isRequired = ConditionTrait.enabled(if: Self.isPresent, "the corpus is not beside this checkout")

    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../../../shared/corpus").standardizedFileURL

    /// The bytes of one file.
    static func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: self.root.appending(path: path))) }

    /// The names of the files in a folder whose name ends in `suffix`, sorted; empty where the folder is absent.
    static func names(in folder: String, suffix: String = ".json") -> [String] {
        let names = try? FileManager.default.contentsOfDirectory(atPath: self.root.appending(path: folder).path)
        return (names ?? []).filter { $0.hasSuffix(suffix) }.sorted()
    }

    /// The paths of the files below a folder, relative to it, sorted.
    static func paths(below folder: String, suffix: String = ".json") -> [String] {
        let names = try? FileManager.default.subpathsOfDirectory(atPath: self.root.appending(path: folder).path)
        return (names ?? []).filter { $0.hasSuffix(suffix) }.sorted()
    }
}
