import Glibc

/// How a worker that cannot go on says so.
enum Diagnostics {
    /// Writes a line to standard error, which the host passes on or throws away, and ends the process.
    static func exit(_ code: Int, _ message: String) -> Never {
        let line = "sandbox-worker: \(message)\n"
        _ = line.withCString { write(STDERR_FILENO, $0, strlen($0)) }
        _exit(Int32(code))
    }
}
