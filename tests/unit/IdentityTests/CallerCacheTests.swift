import Crypto
import Model
import Testing

@testable import Identity

@Suite("Credentials that are remembered") struct CallerCacheTests {
    private let caller = Caller.installation(APIKeyID())

    @Test("they leave when they have expired, not only when there is no more room")
    func purge() {
        let cache = CallerCache(maxEntries: 10_000)
        for second in 0..<1000 {
            cache.store(self.caller, for: "key \(second)", at: .seconds(second), until: .seconds(second) + .milliseconds(500))
            #expect(cache.find("key \(second)", at: .seconds(second)) == self.caller)
            #expect(cache.find("key \(second)", at: .seconds(second) + .milliseconds(500)) == nil)
        }
        #expect(cache.count == 1)
    }

    @Test("they are known by a code that only this process can make, of a length that tells nothing")
    func secrecy() {
        let cache = CallerCache(maxEntries: 10)
        let codes = [cache, CallerCache(maxEntries: 10)].map { $0.code("roost_very-secret") }
        #expect(codes[0] == cache.code("roost_very-secret"))
        #expect(codes[0] != codes[1] && codes[0] != cache.code("roost_very-secrets"))
        #expect(MemoryLayout.size(ofValue: codes[0]) == 32)
        cache.store(self.caller, for: "roost_very-secret", at: .zero, until: .seconds(1))
        #expect(cache.find("roost_very-secret", at: .zero) == self.caller)
        #expect(cache.find("roost_very-secrets", at: .zero) == nil)
    }
}
