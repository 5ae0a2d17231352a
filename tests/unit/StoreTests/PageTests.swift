import Database
import JSON
import Model
import TestSupport
import Testing

@testable import Store

@Suite("Pages", .timeLimit(.minutes(1)))
struct PageTests {
    @Test("A walk shows every row once, whatever is added and removed meanwhile", arguments: TestStoreKind.all)
    func stability(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let organization = try await store.makeTenant().organization.id
            var there: [PolicyID] = []
            for number in 0..<9 { there.append(try await store.policies.create(in: organization, pattern: "\(number)", action: .allow).id) }
            var seen: [PolicyID] = []
            var request = PageRequest(limit: 2)
            repeat {
                let page = try await store.policies.list(in: organization, request)
                seen += page.items.map(\.id)
                request.cursor = page.next
                // A row that was shown goes, and another comes: a list that counted would now skip or repeat one.
                if let last = page.items.last, there.contains(last.id) {
                    try await store.policies.remove(last.id, in: organization)
                    _ = try await store.policies.create(in: organization, pattern: "new", action: .allow)
                }
            } while request.cursor != nil && seen.count < 30
            #expect(Array(seen.prefix(9)) == there)
            #expect(Set(seen).count == seen.count)
        }
    }

    @Test("Every list walks in its order, and newest first where it says so", arguments: TestStoreKind.all)
    func orders(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let tenant = try await store.makeTenant()
            let organization = tenant.organization.id
            var (sessions, executions): ([SessionRecordID], [ExecutionID]) = ([], [])
            for _ in 0..<5 {
                sessions.append(try await store.sessions.create(.sample(tenant)).id)
                let draft = ExecutionDraft.sample(tenant)
                try await store.executions.start(draft)
                executions.append(draft.id)
            }
            let listedSessions = try await walk { try await store.sessions.list(in: organization, $0) }
            #expect(listedSessions.map(\.id) == sessions.sorted().reversed())
            let listed = try await walk { try await store.executions.list(in: organization, $0) }
            #expect(listed.map(\.id) == executions.sorted().reversed())
            let own = try await walk { try await store.executions.list(in: organization, account: tenant.account.id, $0) }
            #expect(own == listed)
            let others = try await walk { try await store.executions.list(in: organization, account: AccountID(), $0) }
            #expect(others.isEmpty)
            for slug in ["b", "a", "c"] {
                _ = try await store.integrations.add(.sample(slug: slug), tools: .numbered(3), in: organization)
            }
            let tools = try await walk { try await store.tools.list(in: organization, $0) }
            #expect(tools.map(\.integrationSlug) == ["a", "a", "a", "b", "b", "b", "c", "c", "c"])
            #expect(tools.map(\.name) == Array(repeating: ["tool000000", "tool000001", "tool000002"], count: 3).flatMap { $0 })
        }
    }

    @Test("A cursor of another list, a cut one and an invented one are refused, and a limit is bounded", arguments: TestStoreKind.all)
    func invalid(kind: TestStoreKind) async throws {
        var limits = StoreLimits.patient
        limits.maxPageSize = 3
        try await withTemporaryStore(kind, limits: limits) { store in
            let organization = try await store.makeTenant().organization.id
            for number in 0..<5 { _ = try await store.policies.create(in: organization, pattern: "\(number)", action: .allow) }
            let page = try await store.policies.list(in: organization, PageRequest(limit: 1_000_000))
            #expect(page.items.count == 3)
            let cursor = try #require(page.next)
            let invented = [
                "", "x", "AAAA", "!!!!", String(cursor.dropLast()), cursor + "A", String(repeating: "A", count: 100_000),
                Base64URL.encode(Array("8:policies".utf8)), Base64URL.encode(Array("8:policies1:".utf8)),
                Base64URL.encode(Array("8:policies-1:a".utf8)), Base64URL.encode(Array("8:policies99999999999999999999:a".utf8)),
                Base64URL.encode(Array("8:policies1:a1:b".utf8)), Base64URL.encode([0xFF, 0xFE]),
            ]
            for text in invented {
                await expect(.invalidCursor) { try await store.policies.list(in: organization, PageRequest(cursor: text)) }
            }
            await expect(.invalidCursor) { try await store.accounts.list(in: organization, PageRequest(cursor: cursor)) }
            await expect(.invalidValue) { try await store.policies.list(in: organization, PageRequest(limit: 0)) }
            #expect(try await store.policies.list(in: organization, PageRequest(cursor: cursor)).items.count == 2)
        }
    }

    @Test("Base64url is read only as it is written", arguments: 0..<40)
    func base64(count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 251) }
        let text = Base64URL.encode(bytes)
        #expect(Base64URL.decode(text) == bytes)
        #expect(!text.contains("="))
        if count % 3 == 1 {
            // The unused bits of the last character must be zero.
            #expect(Base64URL.decode(text.dropLast() + "B") == nil)
        }
    }
}
