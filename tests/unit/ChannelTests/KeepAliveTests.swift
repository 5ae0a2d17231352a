import NIOCore
import Testing

@testable import Channel

@Suite("Keepalive")
struct KeepAliveTests {
    private static func at(_ milliseconds: Int) -> NIODeadline { .uptimeNanoseconds(UInt64(milliseconds) * 1_000_000) }

    @Test("A silent peer is probed after the interval and given up after the timeout")
    func silence() {
        var keepAlive = KeepAlive(interval: .milliseconds(100), timeout: .milliseconds(50), now: Self.at(0))
        #expect(keepAlive.firstLook == Self.at(100))
        #expect(keepAlive.look(at: Self.at(99)) == .wait(until: Self.at(100)))
        #expect(keepAlive.look(at: Self.at(100)) == .ping(lookAgain: Self.at(150)))
        #expect(keepAlive.look(at: Self.at(149)) == .wait(until: Self.at(150)))
        #expect(keepAlive.look(at: Self.at(150)) == .lost)
    }

    @Test("Any byte is a sign of life")
    func life() {
        var keepAlive = KeepAlive(interval: .milliseconds(100), timeout: .milliseconds(50), now: Self.at(0))
        keepAlive.received(at: Self.at(60))
        #expect(keepAlive.look(at: Self.at(100)) == .wait(until: Self.at(160)))
        #expect(keepAlive.look(at: Self.at(160)) == .ping(lookAgain: Self.at(210)))
        keepAlive.received(at: Self.at(200))
        #expect(keepAlive.look(at: Self.at(210)) == .wait(until: Self.at(300)))
    }
}
