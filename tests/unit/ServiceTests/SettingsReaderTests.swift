import Model
import Testing

@testable import Service

@Suite struct SettingsReaderTests {
    private func reader(_ environment: [String: String]) async throws -> SettingsReader {
        SettingsReader(try await SettingsSource.open(environment: environment))
    }

    @Test("a key that nobody gives has its default")
    func defaults() async throws {
        var reader = try await self.reader([:])
        #expect(reader.integer("roost.part.count", default: 7, in: 1...10, "A count.") == 7)
        #expect(reader.duration("roost.part.wait", default: .seconds(5), "A wait.") == .seconds(5))
        #expect(reader.optionalString("roost.part.name", "A name.") == nil)
        #expect(reader.list("roost.part.hosts", "Hosts.") == [])
        try reader.finish()
    }

    @Test("the environment gives values of every type")
    func environment() async throws {
        var reader = try await self.reader([
            "ROOST_PART_COUNT": "3", "ROOST_PART_WAIT": "250ms", "ROOST_PART_MAX_BYTES": "10MiB", "ROOST_PART_ON": "true",
            "ROOST_PART_HOSTS": "a:1,b:2", "ROOST_PART_KEY": "s3cret",
        ])
        #expect(reader.integer("roost.part.count", default: 7, in: 1...10, "A count.") == 3)
        #expect(reader.duration("roost.part.wait", default: .seconds(5), "A wait.") == .milliseconds(250))
        #expect(reader.byteCount("roost.part.max_bytes", default: 1, "A size.") == 10 << 20)
        #expect(reader.boolean("roost.part.on", default: false, "A switch.") == true)
        #expect(reader.list("roost.part.hosts", "Hosts.") == ["a:1", "b:2"])
        #expect(reader.optionalSecret("roost.part.key", "A key.")?.reveal() == "s3cret")
        try reader.finish()
    }

    @Test("every fault is reported at once, by key, and without the value")
    func faults() async throws {
        var reader = try await self.reader([
            "ROOST_PART_COUNT": "eleven", "ROOST_PART_WAIT": "5 parsecs", "ROOST_PART_MODE": "loud-secret", "ROOST_PART_TYPO": "1",
        ])
        _ = reader.integer("roost.part.count", default: 7, in: 1...10, "A count.")
        _ = reader.duration("roost.part.wait", default: .seconds(5), "A wait.")
        _ = reader.choice("roost.part.mode", default: PolicyAction.allow, "A mode.")
        let error = #expect(throws: ConfigurationError.self) { try reader.finish() }
        #expect(error?.faults.map(\.key) == ["roost.part.count", "roost.part.wait", "roost.part.mode", "ROOST_PART_TYPO"])
        #expect(error.map { "\($0)" }?.contains("loud-secret") == false)
    }

    @Test("a value outside its range names the range")
    func range() async throws {
        var reader = try await self.reader(["ROOST_PART_COUNT": "11", "ROOST_PART_MAX_BYTES": "3KiB"])
        #expect(reader.integer("roost.part.count", default: 7, in: 1...10, "A count.") == 7)
        #expect(reader.byteCount("roost.part.max_bytes", default: 1024, in: 1...2048, "A size.") == 1024)
        let error = #expect(throws: ConfigurationError.self) { try reader.finish() }
        #expect(error?.faults.map(\.message) == ["must be an integer 1...10", "must lie within 1 to 2KiB"])
    }

    @Test("a YAML file gives values, the environment wins, and a misspelt key in the file is a fault")
    func file() async throws {
        try await withTemporaryFile("roost:\n  part:\n    count: 4\n    wait: 2s\n    hosts: [a, b]\n    tpyo: 1\n") { path in
            var reader = try await self.reader(["ROOST_CONFIG": path, "ROOST_PART_COUNT": "5"])
            #expect(reader.integer("roost.part.count", default: 7, in: 1...10, "A count.") == 5)
            #expect(reader.duration("roost.part.wait", default: .seconds(5), "A wait.") == .seconds(2))
            #expect(reader.list("roost.part.hosts", "Hosts.") == ["a", "b"])
            let error = #expect(throws: ConfigurationError.self) { try reader.finish() }
            #expect(error?.faults.map(\.key) == ["roost.part.tpyo"])
        }
    }

    @Test("a configuration file that is missing or no mapping is a fault of ROOST_CONFIG", arguments: ["/nowhere/roost.yaml", ""])
    func brokenFile(path: String) async throws {
        try await withTemporaryFile("- just\n- a list\n") { list in
            let error = await #expect(throws: ConfigurationError.self) {
                _ = try await SettingsSource.open(environment: ["ROOST_CONFIG": path.isEmpty ? list : path])
            }
            #expect(error?.faults.map(\.key) == ["ROOST_CONFIG"])
        }
    }

    @Test("durations and byte counts read back as they are written", arguments: [0, 1, 999, 1000, 60_000, 61_000, 3_600_000, 86_400_000])
    func texts(count: Int) {
        #expect(DurationText.parse(DurationText.format(.milliseconds(count))) == .milliseconds(count))
        #expect(ByteCountText.parse(ByteCountText.format(count)) == count)
    }

    @Test(
        "numbers that overflow, are negative or carry rubbish are refused",
        arguments: ["9999999999999999999h", "-1s", "1.5s", "s", "", "1 s"])
    func badDurations(text: String) {
        #expect(DurationText.parse(text) == nil)
    }
}
