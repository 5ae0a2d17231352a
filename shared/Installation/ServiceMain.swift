import CMalloc
package import Logging
import Service
package import ServiceLifecycle

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What the executables of both services have in common: read the settings, build, run until told to stop.
package enum ServiceMain {
    /// The version of this build.
    package static let version = "0.1.0"

    /// What `--help` says about configuration.
    package static let help = """
        Configuration comes from the environment (ROOST_<PART>_<NAME>) and from the YAML file that ROOST_CONFIG names; \
        `roost configuration` lists every key. SIGTERM and SIGINT stop the service after what runs has ended. Exits with 78 when the \
        configuration or the installation has a fault.
        """

    /// Runs a service; a fault that a person has to mend is printed as a sentence, not as a stack.
    package static func run(
        label: String, drain: (InstallationSettings) -> Duration,
        build: (InstallationSettings, Logger) async throws -> [any ServiceLifecycle.Service]
    ) async throws {
        Self.returnLargeBuffers()
        do {
            let settings = try await InstallationSettings.load(environment: ProcessInfo.processInfo.environment)
            let logger = settings.log.bootstrap(label: label)
            var services = try await build(settings, logger)
            if settings.service.exitsWithStandardInput { services.append(Lifeline()) }
            // A service that drains needs its time, then the group a little more.
            try await ServiceRunner(drain: drain(settings) + .seconds(5), logger: logger).run(services)
        } catch let error as ConfigurationError {
            Self.fail("\(error)")
        } catch let error as InstallationError {
            Self.fail("\(error)")
        }
    }

    /// Has memory of large bodies go back to the system as soon as it is freed. Left alone, glibc takes the size of the first that is freed
    /// for the measure of what it had better keep (mallopt(3), M_MMAP_THRESHOLD), up to 32 MiB in each of its arenas.
    private static func returnLargeBuffers() {
        mallopt(M_MMAP_THRESHOLD, 1 << 20)
    }

    /// Exit status 78 is EX_CONFIG of sysexits.h.
    private static func fail(_ text: String) -> Never {
        _ = Array((text + "\n").utf8).withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
        exit(78)
    }
}
