import Dispatch
import ServiceLifecycle

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Ends the process when its standard input ends, for children of a supervisor that may die without telling them.
///
/// A supervisor keeps the other end of the pipe and never writes to it. The kernel closes that end however the supervisor ends,
/// `kill -9` included. A parent-death signal would not do: it fires when the *thread* that started the child ends.
package struct Lifeline: ServiceLifecycle.Service {
    package init() {}

    /// Returns when standard input ends; the service group takes that as the wish to stop.
    package func run() async throws {
        let (ended, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        // A thread that waits in `read` until the process ends, because a dispatch source on a pipe whose other end hangs up while the
        // source is cancelled crashes in libdispatch (Swift 6.3.1).
        DispatchQueue(label: "lifeline").async {
            var byte: UInt8 = 0
            var count: Int
            repeat { count = read(STDIN_FILENO, &byte, 1) } while count > 0 || (count < 0 && errno == EINTR)
            continuation.finish()
        }
        await cancelWhenGracefulShutdown {
            for await _ in ended {}
        }
    }
}
