package import Model

/// A program to run, and everything that decides how it runs: the same program with the same answers behaves the same.
package struct SandboxProgram: Sendable, Hashable {
    /// TypeScript or JavaScript: the body of an async function, so that `await` and `return` work at its top level.
    package var source: String
    /// What the run may use at most.
    package var limits: SandboxLimits
    /// Where `Math.random`, `crypto.randomUUID` and `crypto.getRandomValues` start from.
    package var seed: UInt64
    /// What `Date.now()` says when the program starts; afterwards its clock moves only with answers from the host.
    package var startTime: Timestamp

    package init(source: String, limits: SandboxLimits = SandboxLimits(), seed: UInt64, startTime: Timestamp) {
        self.source = source
        self.limits = limits
        self.seed = seed
        self.startTime = startTime
    }
}
