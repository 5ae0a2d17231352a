package import Sandbox
package import Service

/// Where programs run, and what one may use.
///
/// Configuration keys:
/// - `roost.sandbox.worker_path` (text): the `sandbox-worker` executable; by default the one beside the service's own.
/// - `roost.sandbox.esbuild_path` (text, default `/usr/bin/esbuild`): the TypeScript compiler.
/// - the bounds below.
package struct SandboxSettings: Sendable {
    package let configuration: SandboxConfiguration
    package let limits: SandboxLimits

    package init(_ reader: inout SettingsReader) {
        let worker = reader.optionalString(
            "roost.sandbox.worker_path", "The sandbox-worker executable; by default the one beside the service's own.")
        var configuration = SandboxConfiguration(workerPath: worker ?? ExecutableFolder.path + "/sandbox-worker")
        configuration.esbuildPath = reader.string(
            "roost.sandbox.esbuild_path", default: configuration.esbuildPath, "The esbuild executable, which strips types.")
        configuration.maxRunningPerCore = reader.integer(
            "roost.sandbox.max_running_per_core", default: configuration.maxRunningPerCore, in: 1...64,
            "Programs that compute at once, for each core; programs that wait for a call do not count.")
        configuration.maxRuns = reader.integer(
            "roost.sandbox.max_runs", default: configuration.maxRuns, in: 1...100_000, "Programs alive at once, waiting ones included.")
        configuration.maxQueued = reader.integer(
            "roost.sandbox.max_queued", default: configuration.maxQueued, in: 0...100_000,
            "Programs that wait to start; what comes beyond is refused.")
        configuration.maxQueueTime = reader.duration(
            "roost.sandbox.max_queue_time", default: configuration.maxQueueTime, "How long a program waits to start.")
        self.configuration = configuration
        self.limits = Self.limits(&reader)
    }

    private static func limits(_ reader: inout SettingsReader) -> SandboxLimits {
        var limits = SandboxLimits()
        limits.cpuTime = reader.duration("roost.sandbox.cpu_time", default: limits.cpuTime, "CPU time of one program.")
        limits.wallTime = reader.duration(
            "roost.sandbox.wall_time", default: limits.wallTime, "Time of one program while none of its calls is open.")
        limits.absoluteTime = reader.duration("roost.sandbox.absolute_time", default: limits.absoluteTime, "Time of one program in all.")
        limits.memory = reader.byteCount("roost.sandbox.memory", default: limits.memory, in: 16 << 20...16 << 30, "Memory of one program.")
        limits.maxSourceBytes = reader.byteCount("roost.sandbox.max_source_bytes", default: limits.maxSourceBytes, "The longest program.")
        limits.maxCalls = reader.integer(
            "roost.sandbox.max_calls", default: limits.maxCalls, in: 1...1_000_000, "Tool calls of one program.")
        limits.maxConcurrentCalls = reader.integer(
            "roost.sandbox.max_concurrent_calls", default: limits.maxConcurrentCalls, in: 1...10_000, "Tool calls of one program at once.")
        limits.maxArgumentBytes = reader.byteCount(
            "roost.sandbox.max_argument_bytes", default: limits.maxArgumentBytes, "The largest argument of a call.")
        limits.maxReplyBytes = reader.byteCount(
            "roost.sandbox.max_reply_bytes", default: limits.maxReplyBytes, "The largest answer to a call.")
        limits.maxResultBytes = reader.byteCount("roost.sandbox.max_result_bytes", default: limits.maxResultBytes, "The largest result.")
        limits.maxLogBytes = reader.byteCount("roost.sandbox.max_log_bytes", default: limits.maxLogBytes, "What a program may log.")
        limits.maxOutputBytes = reader.byteCount(
            "roost.sandbox.max_output_bytes", default: limits.maxOutputBytes, "Result, emitted items and logs of one program together.")
        return limits
    }
}
