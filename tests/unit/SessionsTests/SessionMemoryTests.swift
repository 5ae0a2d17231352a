#if canImport(Glibc)
import Glibc
import Sessions
import TestSupport
import Testing

/// Measured for the whole process, so it can only be run alone: `ROOST_MEASURE=1 swift test --filter SessionMemoryTests`.
@Suite("What an idle session costs", .enabled(if: getenv("ROOST_MEASURE") != nil), .timeLimit(.minutes(5)))
struct SessionMemoryTests {
    @Test("an idle session takes at most 8 KB of memory")
    func idle() async throws {
        var limits = SessionLimits()
        limits.maxPerAccount = 10_000
        try await SessionHarness.run(limits: limits) { harness in
            for _ in 0..<500 { _ = try await harness.open() }
            let (before, count) = (Self.residentBytes(), 2000)
            for _ in 0..<count { _ = try await harness.open() }
            let perSession = (Self.residentBytes() - before) / count
            print("an idle session takes \(perSession) bytes")
            #expect(harness.service.sessionCount == 500 + count)
            #expect(perSession <= 8 << 10)
        }
    }

    private static func residentBytes() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, 256, file) != nil else { return 0 }
        let fields = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: " ")
        return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
#endif
