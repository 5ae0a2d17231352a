import Dispatch
import NIOCore
import NIOPosix
import Testing

@testable import Channel

@Suite("Looking up a peer's name")
struct NameResolverTests {
    private let eventLoop = MultiThreadedEventLoopGroup.singleton.next()

    @Test("A name that nobody answers for holds up no other name on its event loop")
    func hanging() async throws {
        let release = DispatchSemaphore(value: 0)
        let silent = NameResolver(eventLoop: self.eventLoop) { _, _ in
            release.wait()
            return []
        }
        let silentV6 = silent.initiateAAAAQuery(host: "dead.invalid", port: 1)
        let other = NameResolver(eventLoop: self.eventLoop) { _, port in [try SocketAddress(ipAddress: "192.0.2.7", port: port)] }
        #expect(try await other.initiateAAAAQuery(host: "living.invalid", port: 4402).get().isEmpty)
        let expected = try [SocketAddress(ipAddress: "192.0.2.7", port: 4402)]
        #expect(try await other.initiateAQuery(host: "living.invalid", port: 4402).get() == expected)
        release.signal()
        #expect(try await silentV6.get().isEmpty)
    }

    @Test("The system's names and addresses are found, in both families")
    func system() async throws {
        #expect(try NameResolver.lookUp("localhost", port: 80).allSatisfy { $0.port == 80 && $0.ipAddress != nil })
        #expect(try !NameResolver.lookUp("localhost", port: 80).isEmpty)
        let literal = NameResolver(eventLoop: self.eventLoop) { _, _ in throw NameResolver.Failure(code: 0) }
        #expect(try await literal.initiateAAAAQuery(host: "::1", port: 80).get() == [SocketAddress(ipAddress: "::1", port: 80)])
        #expect(try await literal.initiateAQuery(host: "::1", port: 80).get().isEmpty)
    }

    @Test("A name that does not exist says so to both families")
    func unknown() async throws {
        let resolver = NameResolver(eventLoop: self.eventLoop)
        await #expect(throws: NameResolver.Failure.self) { try await resolver.initiateAAAAQuery(host: "no such name", port: 80).get() }
        await #expect(throws: NameResolver.Failure.self) { try await resolver.initiateAQuery(host: "no such name", port: 80).get() }
    }
}
