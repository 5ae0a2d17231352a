import CSandbox
import JSON

/// What is wrong with bytes that came from a child, told without repeating them.
struct FrameFault: Error, Equatable {
    /// Why the run ends: mostly `violation`.
    let code: SandboxError.Code
    let message: String

    static func violation(_ message: String) -> FrameFault { FrameFault(code: .violation, message: message) }
}

/// A frame from a child, checked as far as its own bytes go. What it means is up to ``RunState``.
enum Frame {
    case call(id: UInt32, path: String, argument: JSONText?)
    /// Due by the program's clock, which started with the run.
    case askWakeUp(id: UInt32, due: Duration)
    case cancelWakeUp(id: UInt32)
    case log(SandboxLogLine)
    case emit(JSONText)
    case returned(JSONText?)
    case threw(name: String, message: String, stack: String)
    case neverSettles

    /// The types there are, with the longest text that each may carry beside what the run's limits allow.
    enum Kind: CaseIterable {
        case call, askWakeUp, cancelWakeUp, log, emit, returned, threw, neverSettles

        init?(type: UInt8) {
            guard let kind = Self.allCases.first(where: { $0.type == UInt32(type) }) else { return nil }
            self = kind
        }

        private var type: UInt32 {
            switch self {
            case .call: SANDBOX_CALL.rawValue
            case .askWakeUp: SANDBOX_ASK_WAKE_UP.rawValue
            case .cancelWakeUp: SANDBOX_CANCEL_WAKE_UP.rawValue
            case .log: SANDBOX_LOG.rawValue
            case .emit: SANDBOX_EMIT.rawValue
            case .returned: SANDBOX_RETURNED.rawValue
            case .threw: SANDBOX_THREW.rawValue
            case .neverSettles: SANDBOX_NEVER_SETTLES.rawValue
            }
        }
    }

    /// The longest path of a call in bytes: 1,024 UTF-16 units, which take at most three bytes each.
    static let maxPathBytes = 3072
    /// The longest log line in bytes: 65,536 UTF-16 units, and the mark that it was cut.
    static let maxLogLineBytes = 3 * 65_536 + 64
    /// The longest name, message and stack together, with their lengths.
    static let maxThrownBytes = 3 * (256 + 32_768 + 16_384) + 16

    /// Reads a frame's payload.
    init(_ kind: Kind, payload: [UInt8]) throws(FrameFault) {
        var reader = PayloadReader(payload)
        switch kind {
        case .call:
            let id = try reader.readUInt32()
            let path = try reader.readText(maxBytes: Self.maxPathBytes)
            self = .call(id: id, path: path, argument: try Self.json(reader.rest()))
        case .askWakeUp:
            self = .askWakeUp(id: try reader.readUInt32(), due: .milliseconds(Int64(try reader.readUInt32())))
            try reader.finish()
        case .cancelWakeUp:
            self = .cancelWakeUp(id: try reader.readUInt32())
            try reader.finish()
        case .log:
            let levels = SandboxLogLine.Level.allCases
            let level = Int(try reader.readUInt32())
            guard levels.indices.contains(level) else { throw .violation("a log line of an unknown level") }
            self = .log(SandboxLogLine(level: levels[level], text: try reader.readLastText()))
        case .emit:
            guard let value = try Self.json(payload) else { throw .violation("an emitted value without JSON") }
            self = .emit(value)
        case .returned:
            self = .returned(try Self.json(payload))
        case .threw:
            let name = try reader.readText(maxBytes: payload.count)
            let message = try reader.readText(maxBytes: payload.count)
            self = .threw(name: name, message: message, stack: try reader.readLastText())
        case .neverSettles:
            try reader.finish()
            self = .neverSettles
        }
    }

    private static func json(_ bytes: [UInt8]) throws(FrameFault) -> JSONText? {
        guard !bytes.isEmpty else { return nil }
        do throws(JSONError) {
            return try JSONText(validating: bytes)
        } catch {
            // What an honest program can send; anything else the prelude never writes.
            guard [.tooDeep, .tooLarge, .numberTooLong].contains(error.code) else { throw .violation("a value that is not JSON") }
            throw FrameFault(code: .outputLimit, message: "The program sent a value that cannot be passed on: \(error.message)")
        }
    }
}

/// Reads the fields of one payload in order; every shortage is a fault.
private struct PayloadReader {
    private let bytes: [UInt8]
    private var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func readUInt32() throws(FrameFault) -> UInt32 {
        guard self.bytes.count - self.offset >= 4 else { throw .violation("a frame that ends within a number") }
        defer { self.offset += 4 }
        return (0..<4).reduce(0) { $0 | UInt32(self.bytes[self.offset + $1]) << (8 * UInt32($1)) }
    }

    mutating func readText(maxBytes: Int) throws(FrameFault) -> String {
        let count = Int(try self.readUInt32())
        guard count <= min(maxBytes, self.bytes.count - self.offset) else { throw .violation("a text longer than its frame") }
        defer { self.offset += count }
        return try Self.text(self.bytes[self.offset..<self.offset + count])
    }

    mutating func readLastText() throws(FrameFault) -> String {
        defer { self.offset = self.bytes.count }
        return try Self.text(self.bytes[self.offset...])
    }

    mutating func rest() -> [UInt8] {
        defer { self.offset = self.bytes.count }
        return Array(self.bytes[self.offset...])
    }

    func finish() throws(FrameFault) {
        guard self.offset == self.bytes.count else { throw .violation("a frame with bytes too many") }
    }

    private static func text(_ bytes: ArraySlice<UInt8>) throws(FrameFault) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .violation("a text that is not UTF-8") }
        return text
    }
}
