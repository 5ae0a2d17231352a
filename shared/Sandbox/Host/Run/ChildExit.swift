import CSandbox

#if canImport(Glibc)
import Glibc
#endif

/// How the process of a run came to its end.
enum ChildExit: Sendable {
    /// The zygote reaped it.
    case exited(ChildStatus, cpuTime: Duration, peakMemory: Int)
    /// It could not be made, or nobody is left who knows what became of it; it is gone all the same.
    case lost(String)
}

/// What `waitpid` says about a process.
struct ChildStatus: Sendable, Equatable {
    let raw: Int32

    /// The signal that ended it, or nil if it exited by itself.
    var signal: Int32? { self.raw & 0x7f == 0 ? nil : self.raw & 0x7f }
    /// What it exited with.
    var code: Int { Int(self.raw >> 8) & 0xff }

    /// Why a child ended that had not said why.
    func reason(limits: SandboxLimits, cpuTime: Duration) -> (code: SandboxError.Code, message: String) {
        switch self.signal {
        case SIGPROF, SIGXCPU:
            return (.cpuLimit, self.timeMessage(limits))
        case SIGKILL where cpuTime > limits.cpuTime:
            // The kernel's last resort for a process that lets no other signal through.
            return (.cpuLimit, self.timeMessage(limits))
        case SIGSYS:
            return (.violation, "The program's process asked the system for something that it may not have.")
        case .some:
            // An engine that cannot get memory traps, aborts or dies of a bad address, whichever comes first.
            return (.memoryLimit, self.memoryMessage(limits))
        case nil:
            switch self.code {
            case SANDBOX_EXIT_MEMORY: return (.memoryLimit, self.memoryMessage(limits))
            case SANDBOX_EXIT_LOCKDOWN: return (.unavailable, "The program's process could not be locked down, so it did not run.")
            case let code: return (.violation, "The program's process ended without a result (exit code \(code)).")
            }
        }
    }

    private func timeMessage(_ limits: SandboxLimits) -> String {
        "The program used more than \(limits.cpuTime) of processor time. Do less in one run."
    }

    private func memoryMessage(_ limits: SandboxLimits) -> String {
        "The program needed more than \(ByteCount(limits.memory)) of memory, or crashed the engine. Hold less at once."
    }
}
