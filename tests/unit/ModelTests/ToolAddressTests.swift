import Model
import Testing

@Suite struct ToolAddressTests {
    @Test(
        "reads an address with and without the leading word",
        arguments: ["github.org.main.issues.create", "tools.github.org.main.issues.create"])
    func reads(text: String) throws {
        let address = try #require(ToolAddress(text))
        #expect(address == ToolAddress(integration: "github", owner: .organization, connection: "main", tool: "issues.create"))
        #expect(address.description == "github.org.main.issues.create")
    }

    @Test(
        "refuses what lacks a part",
        arguments: ["", "a", "a.org", "a.org.b", "a.org.b.", "a.team.b.c", ".org.b.c", "a.org..c", "a.org.b.c..d"])
    func refuses(text: String) {
        #expect(ToolAddress(text) == nil)
    }
}
