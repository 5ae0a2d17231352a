import Identity
import Model
import Testing

@Suite("The table of permissions")
struct AuthorizationTests {
    /// Written out apart from the code: rows are permissions, columns are callers.
    private static let table: [(Permission, agent: Bool, admin: Bool, agentInside: Bool, adminInside: Bool, installation: Bool)] = [
        (.mcp, true, true, false, false, false),
        (.read, true, true, true, true, false),
        (.readOthers, false, true, false, true, false),
        (.run, true, true, false, false, false),
        (.cancelOwn, true, true, false, false, false),
        (.readKeys, false, true, false, false, false),
        (.administer, false, true, false, false, false),
        (.installOrganizations, false, false, false, false, true),
    ]

    private static func callers(_ role: Principal.Role, inside: Bool) -> [Caller] {
        let methods: [Principal.Method] =
            inside
            ? [.execution(ExecutionID())] : [.apiKey(APIKeyID()), .token(issuer: "https://issuer.test", subject: "s")]
        return methods.map { .principal(Principal(organization: OrganizationID(), account: AccountID(), role: role, method: $0)) }
    }

    @Test("Every permission has a row")
    func complete() {
        #expect(Self.table.map(\.0) == Permission.allCases)
    }

    @Test("Every caller may exactly what its column says")
    func matrix() {
        for (permission, agent, admin, agentInside, adminInside, installation) in Self.table {
            let cells: [([Caller], Bool)] = [
                (Self.callers(.agent, inside: false), agent), (Self.callers(.admin, inside: false), admin),
                (Self.callers(.agent, inside: true), agentInside), (Self.callers(.admin, inside: true), adminInside),
                ([.installation(APIKeyID())], installation),
            ]
            for (callers, expected) in cells {
                for caller in callers {
                    #expect(Authorization.allows(permission, to: caller) == expected, "\(permission) \(caller)")
                    let isLetIn = (try? Authorization.require(permission, of: caller)) != nil
                    #expect(isLetIn == expected)
                }
            }
        }
    }

    @Test("From inside an execution nothing changes and nothing starts, whoever runs it")
    func inside() {
        for role in Principal.Role.allCases {
            for caller in Self.callers(role, inside: true) {
                for permission in [Permission.mcp, .run, .cancelOwn, .readKeys, .administer, .installOrganizations] {
                    #expect(!Authorization.allows(permission, to: caller))
                }
            }
        }
    }

    @Test("An agent gains nothing by any method that an agent key does not have")
    func agents() {
        let byKey = Authorization.permissions(of: .principal(.key(.agent)))
        for inside in [false, true] {
            for caller in Self.callers(.agent, inside: inside) { #expect(Authorization.permissions(of: caller).isSubset(of: byKey)) }
        }
        #expect(byKey.isDisjoint(with: [.administer, .readKeys, .installOrganizations]))
    }

    @Test("Refusals say what is needed")
    func refusals() {
        let cases: [(Permission, Caller, String)] = [
            (.administer, .principal(.key(.agent)), "admin key"), (.read, .installation(APIKeyID()), "installation key"),
            (.installOrganizations, .principal(.key(.admin)), "installation key"),
            (.run, Self.callers(.admin, inside: true)[0], "another one"),
            (.administer, Self.callers(.admin, inside: true)[0], "inside an execution"),
        ]
        for (permission, caller, text) in cases {
            let error = #expect(throws: IdentityError.self) { try Authorization.require(permission, of: caller) }
            #expect(error?.code == .forbidden)
            #expect(error?.message.contains(text) == true)
        }
    }
}
