#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A small file cannot be read for a reason that a person has to mend.
package struct FileReadError: Error, CustomStringConvertible {
    package let description: String
}

/// Reads a whole file of at most `maxBytes`; for configuration and key files, never on a request's path.
package func readFile(at path: String, maxBytes: Int) throws -> [UInt8] {
    guard let handle = FileManager.default.contents(atPath: path) else {
        throw FileReadError(description: "cannot read \(path)")
    }
    guard handle.count <= maxBytes else {
        throw FileReadError(description: "\(path) has \(handle.count) bytes, more than the \(maxBytes) allowed")
    }
    return [UInt8](handle)
}
