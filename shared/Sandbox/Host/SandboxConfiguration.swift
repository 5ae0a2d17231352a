/// Where the sandbox finds its programs, and how much the sandbox of one process may do at once.
///
/// Configuration keys (`roost.sandbox.<name>`): the names in parentheses.
package struct SandboxConfiguration: Sendable, Hashable {
    /// The `sandbox-worker` executable (`worker_path`). Anybody must be able to read and execute it: as root, it runs as user 65534.
    package var workerPath: String
    /// The `esbuild` executable (`esbuild_path`, `/usr/bin/esbuild`).
    package var esbuildPath: String

    /// Runs that compute at the same time, for each processor (`max_running_per_core`, 2). A run that waits for an answer or a timer
    /// does not count, and one that goes on after waiting does not wait again: the bound holds back new runs only.
    package var maxRunningPerCore: Int
    /// Runs altogether, waiting ones included (`max_runs`, 512). 500 waiting runs take some 0.7 GB. One more is refused: `capacity`.
    package var maxRuns: Int
    /// Runs that wait to start (`max_queued`, 256). One more is refused: `capacity`.
    package var maxQueued: Int
    /// How long a run waits to start before it is refused: `capacity` (`max_queue_time`, 10 s).
    package var maxQueueTime: Duration
    /// How long a run waits for the worker or the TypeScript service to come up before it fails: `unavailable` (`start_timeout`, 10 s).
    package var startTimeout: Duration
    /// How long a killed process may take to be gone before the zygote that answers for it is replaced (`reap_timeout`, 5 s).
    package var reapTimeout: Duration
    /// How long one zygote serves (`zygote_lifetime`, 1 h). Its children share its address layout, so it is renewed now and then.
    package var zygoteLifetime: Duration
    /// How many runs one zygote serves (`zygote_max_runs`, 100,000).
    package var zygoteMaxRuns: Int
    /// How long translating one program may take before the TypeScript service is replaced (`translation_timeout`, 5 s).
    package var translationTimeout: Duration
    /// Translated programs kept for the next run of the same text, in bytes together (`translation_cache_bytes`, 8 MiB).
    package var translationCacheBytes: Int

    /// Makes the default configuration for the given executables.
    package init(workerPath: String, esbuildPath: String = "/usr/bin/esbuild") {
        self.workerPath = workerPath
        self.esbuildPath = esbuildPath
        self.maxRunningPerCore = 2
        self.maxRuns = 512
        self.maxQueued = 256
        self.maxQueueTime = .seconds(10)
        self.startTimeout = .seconds(10)
        self.reapTimeout = .seconds(5)
        self.zygoteLifetime = .seconds(3600)
        self.zygoteMaxRuns = 100_000
        self.translationTimeout = .seconds(5)
        self.translationCacheBytes = 8 << 20
    }
}
