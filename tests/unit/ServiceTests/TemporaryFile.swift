import Foundation

/// Gives a file with these contents for the length of the call.
func withTemporaryFile(_ contents: String, _ body: (String) async throws -> Void) async throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("roost-\(UUID().uuidString).yaml")
    try Data(contents.utf8).write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    try await body(url.path)
}
