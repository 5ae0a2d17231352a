import NIOCore
import NIOEmbedded
import Testing

@testable import Gateway

@Suite("Clients that do not read")
struct SlowReaderHandlerTests {
    private static func channel() throws -> EmbeddedChannel {
        let channel = EmbeddedChannel(handler: SlowReaderHandler(timeLimit: .seconds(60)))
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/reader")).wait()
        return channel
    }

    private static func setWritable(_ isWritable: Bool, _ channel: EmbeddedChannel) {
        channel.isWritable = isWritable
        channel.pipeline.fireChannelWritabilityChanged()
    }

    @Test("one that reads nothing for the whole time is disconnected, and not before")
    func stalled() throws {
        let channel = try Self.channel()
        Self.setWritable(false, channel)
        channel.embeddedEventLoop.advanceTime(by: .seconds(59))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
    }

    @Test("one that catches up in time stays, and its time begins anew")
    func caughtUp() throws {
        let channel = try Self.channel()
        for _ in 0..<3 {
            Self.setWritable(false, channel)
            channel.embeddedEventLoop.advanceTime(by: .seconds(40))
            Self.setWritable(true, channel)
        }
        channel.embeddedEventLoop.advanceTime(by: .hours(1))
        #expect(channel.isActive)
        _ = try channel.finish()
    }
}
