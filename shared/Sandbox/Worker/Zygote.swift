import CSandbox
import Glibc

/// The fork server: an engine that is warm but has seen no program, in a process with one thread and no rights to speak of.
enum Zygote {
    /// Starts the engine and serves forks; each child leaves through its own run.
    static func run() -> Never {
        // First of all, so that the children inherit the identity: changing it later would clear their parent-death signal.
        guard sandbox_drop_identity() == 0 else { Diagnostics.exit(SANDBOX_EXIT_LOCKDOWN, "cannot become nobody") }
        guard let engine = JavaScriptEngine() else { Diagnostics.exit(SANDBOX_EXIT_ENGINE, "the JavaScript engine did not start") }
        engine.warmUp()
        sandbox_gather_text()
        sandbox_drop_libraries()
        // A forked child has only the thread that called fork: locks that another one held would stay locked for ever.
        let threads = sandbox_thread_count()
        guard threads == 1 else { Diagnostics.exit(SANDBOX_EXIT_THREADS, "\(threads) threads instead of one") }
        let heapAtFork = sandbox_heap_size()
        // Each child would measure the same, in 20 µs.
        let engineBytes = sandbox_address_space_size()
        guard engineBytes > 0 else { Diagnostics.exit(SANDBOX_EXIT_LOCKDOWN, "the size of the process cannot be told") }
        var limits = sandbox_limits()
        sandbox_serve_forks(Int32(SANDBOX_CHANNEL_FD), &limits)
        guard sandbox_lock_down(limits, engineBytes) == 0 else { _exit(Int32(SANDBOX_EXIT_LOCKDOWN)) }
        ChildRun(engine: engine, heapAtFork: heapAtFork).serve()
    }
}
