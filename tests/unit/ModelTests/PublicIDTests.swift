import Model
import Testing

@Suite struct PublicIDTests {
    @Test("an identifier has its prefix and a lower-case UUIDv7, and reads back")
    func roundTrip() throws {
        let id = ExecutionID()
        #expect(id.rawValue.hasPrefix("exe_"))
        #expect(ExecutionID(id.rawValue) == id)
    }

    @Test("identifiers sort by the millisecond they were made in")
    func order() {
        let ids = (0..<50).map { _ in PolicyID() }
        #expect(ids.map { $0.rawValue.prefix(17) } == ids.map { $0.rawValue.prefix(17) }.sorted())
        #expect(Set(ids).count == ids.count)
    }

    @Test(
        "other prefixes, cases, versions, variants and lengths are refused",
        arguments: [
            "org_018f0000-0000-7000-8000-000000000000", "exe_018F0000-0000-7000-8000-000000000000",
            "exe_018f0000-0000-4000-8000-000000000000", "exe_018f0000-0000-7000-c000-000000000000",
            "exe_018f0000-0000-7000-8000-00000000000",
            "exe_018f0000000070008000000000000000", "exe_", "", "exe_018f0000-0000-7000-8000-0000000000000",
        ])
    func refused(text: String) {
        #expect(ExecutionID(text) == nil)
    }
}
