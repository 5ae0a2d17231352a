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
        case "fork": result = sandbox_attempt_fork()
        case "thread":
            var thread = pthread_t()
            result = pthread_create(&thread, nil, { _ in nil }, nil) == 0 ? 0 : -1
        case "identity": result = getuid() == 0 ? 0 : -1
        case "garbage":
            let bytes: [UInt8] = [0xff, 0xff, 0xff, 0xff, 0x63, 1, 2, 3]
            _ = sandbox_write_fully(Int32(SANDBOX_CHANNEL_FD), bytes, bytes.count)
        case "unknown-frame": FrameChannel.Outgoing().send(type: UInt8(ascii: "?"))
        case "empty-call": FrameChannel.Outgoing().send(type: UInt8(SANDBOX_CALL.rawValue))
        case "broken-json": Self.send(SANDBOX_EMIT.rawValue, #"{"a":"#)
        case "close-and-stay":
            close(Int32(SANDBOX_CHANNEL_FD))
            while true { sleep(60) }
        default: break
        }
        let (failed, code) = (result < 0, errno)
        var frame = FrameChannel.Outgoing()
        frame.append(2)
        Self.append(failed ? "refused \(code)" : "allowed", to: &frame)
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
