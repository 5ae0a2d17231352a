#if DEBUG
import CSandbox
import Glibc

/// What an attacker who had taken over the engine would try, for the tests of the lockdown; absent from release builds.
enum SelfTest {
    /// Tries the named attack after the lockdown. Where the process survives, it logs the errno and ends as if it had returned.
    static func run(_ attack: String) -> Never {
        errno = 0
        var result: Int32 = 0
        switch attack {
        case "open": result = open("/etc/passwd", O_RDONLY)
        case "unlink": result = unlink("/tmp/sandbox-self-test")
        case "kill": result = kill(1, 0)
        case "setrlimit":
            var limit = rlimit(rlim_cur: 1 << 40, rlim_max: 1 << 40)
            result = setrlimit(__rlimit_resource_t(9), &limit)
        case "executable-memory":
            let memory = mmap(nil, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            result = memory == MAP_FAILED ? -1 : 0
        case "make-executable":
            let memory = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            result = mprotect(memory, 4096, PROT_READ | PROT_EXEC)
        case "socket": result = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        case "exec":
            var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("true"), nil]
            result = execv("/bin/true", &arguments)
        case "thread":
            var thread = pthread_t()
            result = pthread_create(&thread, nil, { _ in nil }, nil) == 0 ? 0 : -1
        case "identity": result = getuid() == 0 ? 0 : -1
        case "descriptors":
            // Reading nothing fails on a descriptor that is not open, and on no other.
            let open = (SANDBOX_CHANNEL_FD + 1..<4096).count { read(Int32($0), nil, 0) == 0 || errno != EBADF }
            result = open == 0 ? -1 : 0
        case "block-signals":
            var all = sigset_t()
            sigfillset(&all)
            sigprocmask(SIG_BLOCK, &all, nil)
            while true {}
        case "garbage":
            let bytes: [UInt8] = [0xff, 0xff, 0xff, 0xff, UInt8(SANDBOX_NEVER_SETTLES.rawValue), 1, 2, 3]
            _ = sandbox_write_fully(Int32(SANDBOX_CHANNEL_FD), bytes, bytes.count)
        case "unknown-frame": FrameChannel.Outgoing().send(type: UInt8(ascii: "?"))
        case "empty-call": FrameChannel.Outgoing().send(type: UInt8(SANDBOX_CALL.rawValue))
        case "call-out-of-order":
            var frame = FrameChannel.Outgoing()
            frame.append(2)
            frame.append(0)
            frame.send(type: UInt8(SANDBOX_CALL.rawValue))
        case "broken-text":
            var frame = FrameChannel.Outgoing()
            frame.append(2)
            frame.append(0xffff_ffff)
            frame.send(type: UInt8(SANDBOX_LOG.rawValue))
        case "exit": _exit(0)
        case "broken-json": Self.send(SANDBOX_EMIT.rawValue, #"{"a":"#)
        case "close-and-stay":
            close(Int32(SANDBOX_CHANNEL_FD))
            while true { sleep(60) }
        default: result = Int32(truncatingIfNeeded: sandbox_attempt(attack))
        }
        let (failed, code) = (result < 0, errno)
        var frame = FrameChannel.Outgoing()
        frame.append(2)
        Self.append(result == -2 ? "unknown" : failed ? "refused \(code)" : "allowed", to: &frame)
        frame.send(type: UInt8(SANDBOX_LOG.rawValue))
        FrameChannel.Outgoing().send(type: UInt8(SANDBOX_RETURNED.rawValue))
        FrameChannel.drain()
    }

    private static func send(_ type: UInt32, _ text: String) {
        var frame = FrameChannel.Outgoing()
        self.append(text, to: &frame)
        frame.send(type: UInt8(type))
    }

    private static func append(_ text: String, to frame: inout FrameChannel.Outgoing) {
        let copy = strdup(text)
        frame.append(owning: UnsafeRawBufferPointer(start: copy, count: text.utf8.count))
    }
}
#endif
