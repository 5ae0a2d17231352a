import CSandbox
import JSON
import NIOCore
import Testing

@testable import Sandbox

@Suite("Frames from a child")
struct FrameParserTests {
    private static func frame(_ type: some RawRepresentable<UInt32>, _ payload: [UInt8]) -> [UInt8] {
        withUnsafeBytes(of: UInt32(payload.count).littleEndian) { Array($0) } + [UInt8(type.rawValue)] + payload
    }

    private static func number(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }

    private static func text(_ text: String) -> [UInt8] { self.number(UInt32(text.utf8.count)) + Array(text.utf8) }

    private func parse(_ bytes: [UInt8], chunk: Int = .max, maxLength: Int = 1000) throws -> [Frame] {
        var parser = FrameParser()
        var frames: [Frame] = []
        for start in stride(from: 0, to: bytes.count, by: min(chunk, max(1, bytes.count))) {
            var buffer = ByteBuffer(bytes: bytes[start..<min(bytes.count, start + min(chunk, bytes.count))])
            while let frame = try parser.next(
                from: &buffer,
                admit: { (_, length) throws(FrameFault) in if length > maxLength { throw .violation("too long") } }
            ) {
                frames.append(frame)
            }
        }
        return frames
    }

    private static let stream: [UInt8] =
        Self.frame(SANDBOX_CALL, Self.number(1) + Self.text("a.b") + Array(#"{"x":1}"#.utf8))
        + Self.frame(SANDBOX_CALL, Self.number(2) + Self.text("ä"))
        + Self.frame(SANDBOX_ASK_WAKE_UP, Self.number(3) + Self.number(1500))
        + Self.frame(SANDBOX_LOG, Self.number(3) + Array("line".utf8))
        + Self.frame(SANDBOX_THREW, Self.text("E") + Self.text("m") + Array("s".utf8))
        + Self.frame(SANDBOX_NEVER_SETTLES, [])
        + Self.frame(SANDBOX_RETURNED, Array("[1]".utf8))

    @Test("are the same however the bytes are cut", arguments: 1..<40)
    func chunks(size: Int) throws {
        let frames = try self.parse(Self.stream, chunk: size)
        try #require(frames.count == 7)
        #expect("\(frames)" == "\(try self.parse(Self.stream))")
        guard
            case .call(1, "a.b", let argument?) = frames[0], case .call(2, "ä", nil) = frames[1],
            case .askWakeUp(3, .milliseconds(1500)) = frames[2], case .log(let line) = frames[3],
            case .threw("E", "m", "s") = frames[4], case .neverSettles = frames[5], case .returned(let value?) = frames[6]
        else {
            Issue.record("\(frames)")
            return
        }
        #expect(argument.string == #"{"x":1}"# && value.string == "[1]")
        #expect(line == SandboxLogLine(level: .warn, text: "line"))
    }

    @Test("that are not what they should be are faults")
    func faults() {
        let faulty: [[UInt8]] = [
            Self.frame(SANDBOX_CALL, []),
            Self.frame(SANDBOX_CALL, Self.number(1) + Self.number(5) + Array("abc".utf8)),
            Self.frame(SANDBOX_CALL, Self.number(1) + Self.number(0xffff_ffff)),
            Self.frame(SANDBOX_CALL, Self.number(1) + Self.text(String(repeating: "p", count: 3073))),
            Self.frame(SANDBOX_CALL, Self.number(1) + Self.text("a") + Array("{".utf8)),
            Self.frame(SANDBOX_CALL, Self.number(1) + Self.number(1) + [0xff]),
            Self.frame(SANDBOX_ASK_WAKE_UP, Self.number(1)),
            Self.frame(SANDBOX_CANCEL_WAKE_UP, Self.number(1) + [0]),
            Self.frame(SANDBOX_LOG, Self.number(5)),
            Self.frame(SANDBOX_LOG, Self.number(0) + [0xc3]),
            Self.frame(SANDBOX_EMIT, []),
            Self.frame(SANDBOX_EMIT, Array("nul".utf8)),
            Self.frame(SANDBOX_RETURNED, [0xff]),
            Self.frame(SANDBOX_THREW, Self.text("E")),
            [0, 0, 0, 0, UInt8(ascii: "z")],
            [0xff, 0xff, 0xff, 0x7f, UInt8(SANDBOX_RETURNED.rawValue)],
        ]
        for bytes in faulty {
            #expect(throws: FrameFault.self, "\(bytes)") { try self.parse(bytes, maxLength: 10_000) }
        }
    }

    @Test("never crash the host, whatever the bytes", arguments: 0..<50)
    func noise(seed: UInt64) {
        var random = SplitMix(state: seed)
        for _ in 0..<100 {
            var bytes = Self.stream
            for _ in 0..<(1 + random.next() % 4) {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            _ = try? self.parse(bytes, chunk: 1 + Int(random.next() % 50))
        }
    }
}
