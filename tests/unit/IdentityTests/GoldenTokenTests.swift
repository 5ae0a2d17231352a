import Identity
import Model
import TestSupport
import Testing

/// Tokens that one service makes and another verifies, which may be of another version.
@Suite struct GoldenTokenTests {
    private static let tokens = ExecutionTokens(internalKey: Array(repeating: 7, count: 32))
    private static let execution = ExecutionID(trusted: "exe_01890a5d-ac96-774b-bcce-b302099a8057")
    private static let principal = Principal(
        organization: OrganizationID(trusted: "org_01890a5d-ac96-774b-bcce-b302099a8057"),
        account: AccountID(trusted: "acc_01890a5d-ac96-774b-bcce-b302099a8057"), role: .agent, method: .execution(execution))
    private static let time = Timestamp(microseconds: 1_800_000_000_000_000)

    @Test("An execution's token is made as its version says, and one of any version is good")
    func tokens() throws {
        let token = Self.tokens.make(for: Self.principal, execution: Self.execution, at: Self.time).reveal()
        #expect(try Golden.has(token + "\n", as: "execution-token.1.txt"))
        let stored = try Golden.text("execution-token.1.txt").filter { $0 != "\n" }
        #expect(try Self.tokens.verify(stored, at: Self.time) == Self.principal)
    }
}
