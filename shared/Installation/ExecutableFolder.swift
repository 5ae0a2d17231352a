#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The folder of the running executable, where an installation keeps its other executables too.
package enum ExecutableFolder {
    /// Its absolute path, symbolic links resolved.
    package static var path: String {
        let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let executable = link ?? CommandLine.arguments.first ?? "."
        return executable.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    }
}
