import Database
import HTTPTypes
import Identity
import Logging
import Model
import Store
import TestSupport
import Testing
import Vault

@testable import Gateway

@Suite("What callers are told of what went wrong", .timeLimit(.minutes(2))) struct ErrorMappingTests {
    private static let lost = DatabaseError(code: .unavailable, message: "gone", isOutcomeUnknown: true)

    private func problem(_ error: any Error, isReading: Bool = false) -> Problem {
        ErrorMapping.problem(for: error, isReading: isReading, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test("a database that cannot do it now is a 503 that says why and when to ask again")
    func unavailable() {
        var details: Set<String> = []
        for (code, seconds) in [
            (DatabaseError.Code.unavailable, "1"), (.busy, "1"), (.timeout, "1"), (.closed, "1"), (.readOnly, "10"), (.full, "10"),
        ] {
            let problem = self.problem(DatabaseError(code: code, message: "secret cause"))
            #expect(problem.status == .serviceUnavailable && problem.code == "unavailable", "\(code)")
            #expect(problem.headers[.retryAfter] == seconds, "\(code)")
            #expect(!problem.detail.contains("secret"))
            details.insert(problem.detail)
        }
        #expect(details.count == 6)
        #expect(self.problem(DatabaseError(code: .busy, message: "")).detail.contains("busy"))
        #expect(self.problem(DatabaseError(code: .corrupted, message: "")).code == "internal")
        #expect(self.problem(DatabaseError(code: .invalidValue, message: "")).status == .badRequest)
    }

    @Test("a write that was perhaps done is not to be sent again unseen; what only reads is")
    func outcomeUnknown() {
        let problem = self.problem(Self.lost)
        #expect(problem.status == .internalServerError && problem.code == "outcome-unknown")
        #expect(problem.headers[.retryAfter] == nil && problem.detail.contains("before you send it again"))
        let reading = self.problem(Self.lost, isReading: true)
        #expect(reading.status == .serviceUnavailable && reading.headers[.retryAfter] == "1")
    }

    @Test("a vault key that the process lacks is the operator's business")
    func vaultKey() {
        for code in [VaultError.Code.keyMissing, .wrongKey, .keyUnusable] {
            let problem = self.problem(VaultError(code, "wrapped under k1"))
            #expect(problem.status == .serviceUnavailable && problem.code == "vault-key-missing")
            #expect(problem.detail.contains("roost doctor") && !problem.detail.contains("k1"))
            #expect(problem.headers[.retryAfter] == nil)
        }
    }

    @Test("an organization whose creation got no answer is read back with its key; one that is not there is said to be uncertain")
    func organization() async throws {
        try await withMigratedDatabase { base in
            let database = FailingDatabase(base)
            let store = Store(database: database)
            let key = APIKeyText()
            database.fail(.unanswered(Self.lost))
            let made = try await OrganizationRoutes.create(name: "Acme", slug: "acme", adminKey: key.hash, in: store)
            #expect(made.slug == "acme")
            #expect(try await store.keys.standing(hash: key.hash) == .active)
            #expect(try await store.organizations.find(slug: "acme")?.id == made.id)

            database.fail(.refused(Self.lost))
            let error = await #expect(throws: Problem.self) {
                try await OrganizationRoutes.create(name: "Beta", slug: "beta", adminKey: APIKeyText().hash, in: store)
            }
            #expect(error?.code == "outcome-unknown" && error?.detail.contains("another slug") == true)
        }
    }
}
