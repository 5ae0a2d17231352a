import CSandbox
import NIOPosix

#if canImport(Glibc)
import Glibc
#endif

/// A process that this one started, connected by a socket, in a process group and environment of its own.
struct WorkerProcess: Sendable {
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

    /// Kills it. Safe until ``reap()`` has returned: until then its number cannot be given to another process.
    func kill() { _ = Glibc.kill(self.id, SIGKILL) }

    /// Kills it and waits until it is gone, off the cooperative pool.
    func reap() async {
        self.kill()
        let id = self.id
        _ = try? await NIOThreadPool.singleton.runIfActive {
            var status: CInt = 0
            while waitpid(id, &status, 0) < 0, errno == EINTR {}
        }
    }

    private static func failure(_ path: String, _ error: Int32) -> SandboxError {
        SandboxError(.unavailable, "\(path) could not be started: \(String(cString: strerror(error))).")
    }
}
