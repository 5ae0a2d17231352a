#if DEBUG
import Glibc
import Sandbox
import Testing

/// What an attacker could do who had taken over the engine itself: the worker's self-test tries it after the lockdown.
@Suite("The lockdown", .sharedSandbox, .timeLimit(.minutes(5)))
struct LockdownTests {
    @Test("refuses what a child has no use for")
    func refused() async throws {
        let attacks = [
            "open", "unlink", "kill", "setrlimit", "executable-memory", "make-executable", "openat", "openat2", "unlinkat", "tgkill",
            "setuid", "prlimit64", "personality", "mount", "chroot", "socketpair", "sendmsg", "fcntl", "dup", "ioctl", "shmget",
            "pkey_mprotect", "timer_create", "setitimer", "rt_sigaction", "pidfd_open", "landlock_create_ruleset", "getdents64",
        ]
        try await SandboxFixture.withSandbox { sandbox in
            for attack in attacks {
                let output = try await sandbox.attack(attack)
                #expect(output.logs.map(\.text) == ["refused \(EPERM)"], "\(attack)")
            }
        }
    }

    @Test("kills a child that only an attacker could be")
    func killed() async throws {
        var attacks = [
            "socket", "exec", "thread", "execve", "execveat", "clone", "clone3", "connect", "ptrace", "process_vm_readv",
            "process_vm_writev", "unshare", "setns", "bpf", "io_uring_setup", "userfaultfd", "perf_event_open", "keyctl",
            "memfd_create", "prctl", "seccomp",
        ]
        #if arch(x86_64)
        attacks += ["fork", "vfork", "x32"]
        #endif
        try await SandboxFixture.withSandbox { sandbox in
            for attack in attacks {
                let error = await #expect(throws: SandboxError.self, "\(attack)") { try await sandbox.attack(attack) }
                #expect(error?.code == .violation, "\(attack)")
                #expect(error?.message.contains("asked the system for something") == true, "\(attack): \(String(describing: error))")
            }
            let after = try await sandbox.result(of: "return 'fine'")
            #expect(after == #""fine""#)
        }
    }

    @Test("leaves neither root nor any descriptor but the channel")
    func leftovers() async throws {
        try await SandboxFixture.withSandbox { sandbox in
            for (attack, errno) in [("identity", 0), ("descriptors", EBADF)] {
                let output = try await sandbox.attack(attack)
                #expect(output.logs.map(\.text) == ["refused \(errno)"], "\(attack)")
            }
        }
    }

    @Test("goes with a host that trusts no frame")
    func hostileFrames() async throws {
        let attacks = ["garbage", "unknown-frame", "empty-call", "call-out-of-order", "broken-json", "broken-text", "exit"]
        try await SandboxFixture.withSandbox { sandbox in
            for attack in attacks {
                let error = await #expect(throws: SandboxError.self, "\(attack)") { try await sandbox.attack(attack) }
                #expect(error?.code == .violation, "\(attack)")
            }
        }
    }

    @Test("ends a child that closes its channel and stays")
    func closedChannel() async throws {
        try await SandboxFixture.withSandbox { sandbox in
            let error = await #expect(throws: SandboxError.self) { try await sandbox.attack("close-and-stay") }
            #expect(error?.code == .violation || error?.code == .memoryLimit, "\(String(describing: error))")
        }
    }

    @Test("ends a child that lets no signal through at its processor time limit all the same")
    func blockedSignals() async throws {
        try await SandboxFixture.withSandbox { sandbox in
            let error = await #expect(throws: SandboxError.self) {
                var limits = SandboxLimits()
                limits.cpuTime = .milliseconds(500)
                limits.wallTime = .seconds(120)
                return try await sandbox.attack("block-signals", limits: limits)
            }
            #expect(error?.code == .cpuLimit, "\(String(describing: error))")
        }
    }
}
#endif
