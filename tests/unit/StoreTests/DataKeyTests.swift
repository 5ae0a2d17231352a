import Model
import Store
import TestSupport
import Testing

@Suite("Data keys", .timeLimit(.minutes(1)))
struct DataKeyTests {
    private static func key(_ version: Int, _ vaultKey: String = "vk_1", _ bytes: [UInt8] = [1]) -> WrappedDataKey {
        WrappedDataKey(version: version, vaultKeyID: vaultKey, wrapped: bytes)
    }

    @Test("the first of several that add a version wins, and a new version retires those before it", arguments: TestStoreKind.all)
    func add(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let organization = try await store.organizations.create(name: "Acme", slug: "acme").id
            let stored = try await withThrowingTaskGroup(of: [UInt8].self) { group in
                for number in 0..<8 {
                    group.addTask { try await store.dataKeys.add(Self.key(1, "vk_1", [UInt8(number)]), in: organization).wrapped }
                }
                return try await group.reduce(into: Set<[UInt8]>()) { $0.insert($1) }
            }
            #expect(stored.count == 1)
            let second = try await store.dataKeys.add(Self.key(2), in: organization)
            #expect(second.state == .active && second.createdAt != nil)
            #expect(try await store.dataKeys.newest(in: organization) == second)
            #expect(try await store.dataKeys.all(in: organization).map(\.state) == [.retired, .active])
            #expect(try await store.dataKeys.find(3, in: organization) == nil)
            await expect(.limitReached) { try await store.dataKeys.add(Self.key(0), in: organization) }
            await expect(.limitReached) { try await store.dataKeys.add(Self.key(store.limits.maxDataKeys + 1), in: organization) }
            await expect(.notFound) { try await store.dataKeys.add(Self.key(1, "vk_2"), in: OrganizationID()) }
            #expect(try await store.dataKeys.vaultKeys() == ["vk_1"])
        }
    }

    @Test("a vault key is listed as long as any data key needs it, whoever wants to forget it", arguments: TestStoreKind.all)
    func vaultKeys(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let organization = try await store.organizations.create(name: "Acme", slug: "acme").id
            #expect(try await store.dataKeys.vaultKeys().isEmpty)
            _ = try await store.dataKeys.add(Self.key(1), in: organization)
            #expect(try await !store.dataKeys.forget(vaultKey: "vk_1"))
            #expect(try await !store.dataKeys.rewrap(Self.key(1, "vk_2", [2]), from: "vk_0", in: organization))
            #expect(try await store.dataKeys.rewrap(Self.key(1, "vk_2", [2]), from: "vk_1", in: organization))
            #expect(try await store.dataKeys.newest(in: organization)?.wrapped == [2])
            #expect(try await Set(store.dataKeys.vaultKeys()) == ["vk_1", "vk_2"])
            #expect(try await store.dataKeys.forget(vaultKey: "vk_1"))
            #expect(try await store.dataKeys.vaultKeys() == ["vk_2"])
        }
    }
}
