import Telemetry

/// The head that is just arriving. Heads of one connection come one after the other, so each connection has one of these.
struct IncomingHead {
    /// What is wrong with the head, first fault only.
    enum Fault {
        case tooLarge
        case timeout
    }

    private(set) var method = ""
    private(set) var path = ""
    private(set) var status = 0
    private(set) var headers = ChannelHeaders()
    private(set) var timeout: Duration?
    private(set) var trace: TraceContext?
    private(set) var error: ChannelError.Code?
    private(set) var isProven = false
    private(set) var fault: Fault?
    private var byteCount = 0

    /// Begins another head.
    mutating func begin() { self = IncomingHead() }

    /// Takes one field. What exceeds the bound is counted and dropped.
    mutating func add(
        _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, maxBytes: Int, proof: [UInt8]?
    ) {
        self.byteCount += name.count + value.count + 32
        guard self.byteCount <= maxBytes else {
            self.fault = .tooLarge
            return
        }
        switch name.first {
        case UInt8(ascii: ":"): self.addPseudo(name, value)
        case UInt8(ascii: "r") where self.addOwn(name, value, proof: proof): break
        case UInt8(ascii: "t") where self.addTrace(name, value): break
        default: self.headers.append(String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
        }
    }

    private mutating func addPseudo(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
        if Self.isEqual(name, ":path") {
            self.path = String(decoding: value, as: UTF8.self)
        } else if Self.isEqual(name, ":method") {
            self.method = String(decoding: value, as: UTF8.self)
        } else if Self.isEqual(name, ":status") {
            self.status = Self.number(value, maxDigits: 3) ?? 0
        }
    }

    private mutating func addOwn(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, proof: [UInt8]?) -> Bool {
        if Self.isEqual(name, "roost-proof") {
            self.isProven = proof.map { isEqualInConstantTime($0, value) } ?? false
        } else if Self.isEqual(name, "roost-timeout") {
            // Twelve digits of milliseconds are 31 years; nobody waits longer.
            guard let milliseconds = Self.number(value, maxDigits: 12) else {
                self.fault = self.fault ?? .timeout
                return true
            }
            self.timeout = .milliseconds(milliseconds)
        } else if Self.isEqual(name, "roost-error") {
            self.error = ChannelError.Code(text: Substring(decoding: value, as: UTF8.self)) ?? .handlerFailed
        } else {
            return false
        }
        return true
    }

    private mutating func addTrace(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) -> Bool {
        if Self.isEqual(name, "traceparent") {
            self.trace = TraceContext(traceparentBytes: value)
        } else if Self.isEqual(name, "tracestate") {
            // The parent is always sent first.
            self.trace = self.trace?.with(state: TraceState(String(decoding: value, as: UTF8.self)))
        } else {
            return false
        }
        return true
    }

    private static func number(_ digits: UnsafeBufferPointer<UInt8>, maxDigits: Int) -> Int? {
        guard (1...maxDigits).contains(digits.count) else { return nil }
        var number = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            number = number * 10 + Int(digit - UInt8(ascii: "0"))
        }
        return number
    }

    private static func isEqual(_ bytes: UnsafeBufferPointer<UInt8>, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        for index in 0..<bytes.count where bytes[index] != text.utf8Start[index] { return false }
        return true
    }
}
