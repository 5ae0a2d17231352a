import Testing

@testable import Catalog

@Suite("Keeping what was used recently")
struct RecentlyUsedTests {
    @Test("never keeps more than its bound, and forgets the least recently used first")
    func bound() {
        let cache = RecentlyUsed<Int, String>(maxCost: 8)
        for key in 0..<8 { cache.keep("\(key)", for: key) }
        #expect(cache.value(for: 0) == "0")
        cache.keep("8", for: 8)
        #expect(cache.value(for: 0) == "0")
        #expect(cache.value(for: 1) == nil)
        #expect(cache.value(for: 8) == "8")
        #expect((0...8).count { cache.value(for: $0) != nil } <= 8)
    }

    @Test("counts costs, replaces values, and leaves out what is too large")
    func costs() {
        let cache = RecentlyUsed<String, Int>(maxCost: 100)
        cache.keep(1, for: "a", cost: 90)
        cache.keep(2, for: "a", cost: 10)
        cache.keep(3, for: "b", cost: 80)
        #expect(cache.value(for: "a") == 2)
        #expect(cache.value(for: "b") == 3)
        cache.keep(4, for: "c", cost: 101)
        #expect(cache.value(for: "c") == nil)
        #expect(cache.value(for: "b") == 3)
        cache.keep(5, for: "d", cost: 60)
        #expect(cache.value(for: "d") == 5)
        #expect(cache.value(for: "b") == nil)
    }
}
