import CSandbox
import NIOPosix
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// A process that this one started, connected by a socket, in a process group and environment of its own.
final class WorkerProcess: Sendable {
    /// Which of the child's descriptors the socket becomes.
    enum Attachment {
        /// Descriptor 3.
        case control
        /// Standard input and output.
        case standardStreams

        fileprivate var descriptors: ClosedRange<Int32> {
            switch self {
            case .control: Int32(SANDBOX_CHANNEL_FD)...Int32(SANDBOX_CHANNEL_FD)
            case .standardStreams: 0...1
            }
        }
    }

    let id: pid_t
    /// Once it is, the number may belong to another process.
    private let isReaped = Mutex(false)

    init(id: pid_t) { self.id = id }

    /// Starts a process; the caller owns the other end of its socket.
    static func start(
        _ path: String, arguments: [String], environment: [String], attachment: Attachment, packets: Bool
    ) throws(SandboxError) -> (process: WorkerProcess, socket: CInt) {
        var pair: [CInt] = [-1, -1]
        let pairError = sandbox_socketpair(packets ? 1 : 0, &pair)
        guard pairError == 0 else { throw Self.failure(path, pairError) }
        defer { close(pair[1]) }
        let argumentVector = ([path] + arguments).map { strdup($0) } + [nil]
        let environmentVector = environment.map { strdup($0) } + [nil]
        defer { for string in argumentVector + environmentVector { free(string) } }
        var id: pid_t = 0
        let range = attachment.descriptors
        let error = sandbox_spawn(path, argumentVector, environmentVector, pair[1], range.lowerBound, range.upperBound, &id)
        guard error == 0 else {
            close(pair[0])
            throw Self.failure(path, error)
        }
        return (WorkerProcess(id: id), pair[0])
    }

    /// Kills it; once it has been reaped this does nothing.
    func kill() {
        self.isReaped.withLock { isReaped in
            if !isReaped { _ = Glibc.kill(self.id, SIGKILL) }
        }
    }

    /// Kills it and waits until it is gone, off the cooperative pool and even in a cancelled task: otherwise it would stay a zombie.
    func reap() async {
        self.kill()
        let isGone = OneShot<Void>()
        NIOThreadPool.singleton.submit { _ in
            // Its end is awaited without the lock, which whoever kills it would wait for.
            var information = siginfo_t()
            while waitid(P_PID, id_t(self.id), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
            self.isReaped.withLock { isReaped in
                var status: CInt = 0
                while waitpid(self.id, &status, 0) < 0, errno == EINTR {}
                isReaped = true
            }
            isGone.resolve(())
        }
        await isGone.value()
    }

    private static func failure(_ path: String, _ error: Int32) -> SandboxError {
        SandboxError(.unavailable, "\(path) could not be started: \(String(cString: strerror(error))).")
    }
}
