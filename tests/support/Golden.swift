import Foundation

/// Files in `tests/golden` that say what a version of Roost stored or sent: made once by that version's code, and never changed again.
package enum Golden {
    /// There is no such file.
    package struct Missing: Error, CustomStringConvertible {
        package let description: String
    }

    /// The text of a file.
    package static func text(_ name: String) throws -> String {
        guard let text = try? String(contentsOf: self.folder.appendingPathComponent(name), encoding: .utf8) else {
            throw Missing(description: "tests/golden/\(name) is not there: ROOST_WRITE_GOLDEN=1 has the test of its writer make it")
        }
        return text
    }

    /// Whether what is stored or sent now is what a version's file says. Where it is not, the version is to be raised, and its file stays.
    ///
    /// With `ROOST_WRITE_GOLDEN=1` in the environment a file that is not there yet is written; one that is there never is.
    package static func has(_ text: String, as name: String) throws -> Bool {
        let url = self.folder.appendingPathComponent(name)
        if ProcessInfo.processInfo.environment["ROOST_WRITE_GOLDEN"] == "1", !FileManager.default.fileExists(atPath: url.path) {
            try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
        }
        return try self.text(name) == text
    }

    /// The versions of which there is a file called `<prefix>.<version>.<suffix>`.
    package static func versions(of prefix: String, _ suffix: String) -> [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: self.folder.path)) ?? []
        return names.compactMap { name -> Int? in
            guard name.hasPrefix("\(prefix)."), name.hasSuffix(".\(suffix)") else { return nil }
            return Int(name.dropFirst(prefix.count + 1).dropLast(suffix.count + 1))
        }.sorted()
    }

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("golden")
}
