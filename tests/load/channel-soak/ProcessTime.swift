#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What the operating system says about this process.
enum ProcessTime {
    /// The processor time that the process has used, in microseconds.
    static var microseconds: Int {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Int(time.tv_sec) * 1_000_000 + Int(time.tv_nsec) / 1_000
    }
}
