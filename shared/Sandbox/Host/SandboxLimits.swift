/// What one run may use at most. Going over ends the run with the error named at each limit, unless it says otherwise.
///
/// Configuration keys (`roost.sandbox.<name>`): the names in parentheses.
package struct SandboxLimits: Sendable, Hashable {
    /// Processor time, `cpu_limit` (`cpu_time`, 5 s). Without a JIT, JavaScript runs some twenty times slower than elsewhere; and a
    /// regular expression that backtracks for 18 s would give a wrong answer silently, so this stays well below that.
    package var cpuTime: Duration
    /// Time during which no tool call is open, `wall_limit` (`wall_time`, 30 s). Time that a program spends in its own timers counts.
    package var wallTime: Duration
    /// Time altogether, however much of it is waiting for answers, `wall_limit` (`absolute_time`, 1 h).
    package var absoluteTime: Duration
    /// Memory beyond what the empty engine has, in bytes, `memory_limit` (`memory`, 256 MiB). Enough for JSON answers of 10 MB and
    /// more: an answer costs its process five to ten times its size.
    package var memory: Int
    /// The program's text in UTF-8, `syntax_error` (`max_source_bytes`, 256 KiB).
    package var maxSourceBytes: Int
    /// Tool calls in all, `call_limit` (`max_calls`, 1,000).
    package var maxCalls: Int
    /// Tool calls open at once, `call_limit` (`max_concurrent_calls`, 64).
    package var maxConcurrentCalls: Int
    /// Timers pending at once, `call_limit` (`max_timers`, 256).
    package var maxTimers: Int
    /// The argument of one call as JSON, `output_limit` (`max_argument_bytes`, 16 MiB).
    package var maxArgumentBytes: Int
    /// The answer to one call as JSON (`max_reply_bytes`, 32 MiB). A longer one does not end the run: the call is rejected.
    package var maxReplyBytes: Int
    /// The result as JSON, `output_limit` (`max_result_bytes`, 16 MiB).
    package var maxResultBytes: Int
    /// Log lines together, `output_limit` (`max_log_bytes`, 2 MiB).
    package var maxLogBytes: Int
    /// Log lines and emitted values, counted, `output_limit` (`max_output_items`, 10,000).
    package var maxOutputItems: Int
    /// Logs, emitted values and result together, `output_limit` (`max_output_bytes`, 24 MiB).
    package var maxOutputBytes: Int

    /// Makes the default limits, to be changed one by one.
    package init() {
        self.cpuTime = .seconds(5)
        self.wallTime = .seconds(30)
        self.absoluteTime = .seconds(3600)
        self.memory = 256 << 20
        self.maxSourceBytes = 256 << 10
        self.maxCalls = 1000
        self.maxConcurrentCalls = 64
        self.maxTimers = 256
        self.maxArgumentBytes = 16 << 20
        self.maxReplyBytes = 32 << 20
        self.maxResultBytes = 16 << 20
        self.maxLogBytes = 2 << 20
        self.maxOutputItems = 10_000
        self.maxOutputBytes = 24 << 20
    }
}
