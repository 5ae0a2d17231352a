import Testing

@testable import Channel

/// Random sequences of what tasks and the event loop may do to a client's stream. Whatever happens, everybody who waits is let go once,
/// and after the stream has closed and everything was delivered nobody waits at all.
@Suite("Stream state")
struct StreamStateTests {
    private typealias State = StreamState<Int, Int, Int>

    private struct Run {
        var state = State(limits: Self.limits)
        var generator: SeededGenerator
        var hasWaitedForHead = false
        var waitingHead = false
        var waitingReader: Int?
        var waitingWriters: Set<Int> = []
        var nextID = 1
        var heads = 0
        var read = 0
        var received = 0
        var credited = 0
        var isOpen = false
        var isClosed = false
        var hasReset = false
        var hasHead = false
        var hasEnd = false
        var isAborted = false

        static let limits: ChannelLimits = {
            var limits = ChannelLimits()
            limits.maxUnreadBytes = 64
            limits.maxUnsentBytes = 32
            return limits
        }()

        init(seed: Int) { self.generator = SeededGenerator(seed: UInt64(seed)) }

        mutating func perform(_ wake: State.Wake) {
            if let (waiter, outcome) = wake.head {
                #expect(self.waitingHead && waiter == 0)
                self.waitingHead = false
                self.heads += 1
                if case .success = outcome { #expect(self.hasHead) }
            }
            if let (reader, result) = wake.inbound.reader {
                #expect(reader == self.waitingReader)
                self.waitingReader = nil
                self.take(result)
            }
            for (writer, _) in wake.outbound.writers { #expect(self.waitingWriters.remove(writer) != nil) }
            #expect(wake.credit == 0 || self.isOpen)
            self.credited += wake.credit
            if wake.reset != nil {
                #expect(!self.hasReset && self.isOpen && !self.isClosed, "a stream is reset once, and only while it is open")
                self.hasReset = true
            }
        }

        mutating func take(_ result: State.Pipe.ReadResult) {
            switch result {
            case .success(let chunk?): self.read += chunk.count
            case .success(nil): #expect(self.hasEnd)
            case .failure: #expect(self.isClosed || self.isAborted)
            }
        }

        mutating func step() {
            switch Int.random(in: 0..<30, using: &self.generator) {
            case 0..<2 where !self.hasWaitedForHead:
                self.hasWaitedForHead = true
                self.waitingHead = true
                self.perform(self.state.wait(head: 0))
            case 2..<5 where !self.isOpen && !self.isClosed:
                guard self.state.beginOpening() else { return self.close(.connection(ChannelError(.cancelled, "test"))) }
                self.isOpen = true
                if self.state.open(id: 1) { self.hasReset = true }
                self.state.markRequestSent()
            case 5..<7 where self.isLive && !self.hasHead:
                self.hasHead = true
                self.state.receive(head: .success(ReceivedHead(status: 200, headers: [:])))
            case 7..<13 where self.isLive && self.hasHead && !self.hasEnd:
                let count = Int.random(in: 1...20, using: &self.generator)
                self.received += count
                [UInt8](repeating: 1, count: count).withUnsafeBufferPointer { self.state.receive($0) }
            case 13 where self.isLive && self.hasHead && !self.hasEnd:
                self.hasEnd = true
                self.state.receiveEnd()
            case 14 where self.isOpen && !self.isClosed: self.close(.code(self.hasEnd ? .noError : .internalError))
            case 15: self.perform(self.state.deliver())
            case 16: self.abort()
            case 17..<22 where self.waitingReader == nil: self.readOne()
            case 22..<25: self.write()
            case 25: self.perform(self.state.finishWriting())
            case 26..<29 where self.isLive:
                var buffer = [UInt8](repeating: 0, count: 16)
                let (_, wake) = buffer.withUnsafeMutableBufferPointer { self.state.pull(into: $0) }
                for (writer, _) in wake.writers { #expect(self.waitingWriters.remove(writer) != nil) }
            default: break
            }
        }

        private var isLive: Bool { self.isOpen && !self.isClosed }

        private mutating func close(_ end: StreamEnd) {
            self.isClosed = true
            self.state.close(end)
        }

        private mutating func abort() {
            self.isAborted = true
            self.perform(self.state.abort(ChannelError(.cancelled, "test"), code: .cancel))
        }

        private mutating func readOne() {
            var wake = State.Wake()
            let result = self.state.read(&wake)
            self.perform(wake)
            if let result { return self.take(result) }
            self.waitingReader = self.nextID
            self.nextID += 1
            self.perform(self.state.wait(reader: self.nextID - 1))
        }

        private mutating func write() {
            let chunk = [UInt8](repeating: 2, count: Int.random(in: 0...20, using: &self.generator))
            guard case .full = self.state.write(chunk) else { return }
            self.waitingWriters.insert(self.nextID)
            self.nextID += 1
            self.perform(self.state.wait(writer: self.nextID - 1, with: chunk))
        }

        mutating func finish() {
            if !self.hasWaitedForHead {
                self.hasWaitedForHead = true
                self.waitingHead = true
                self.perform(self.state.wait(head: 0))
            }
            if !self.isClosed { self.close(.connection(ChannelError(.connectionLost, "test"))) }
            self.perform(self.state.deliver())
            #expect(!self.waitingHead, "the sender waits in vain")
            #expect(self.heads == 1, "the sender hears exactly once")
            #expect(self.waitingReader == nil, "a reader waits in vain")
            #expect(self.waitingWriters.isEmpty, "a writer waits in vain")
            #expect(self.read <= self.received && self.credited <= self.read)
        }
    }

    @Test("Nobody waits for a stream that has ended, and everybody hears once", arguments: 0..<1_000)
    func random(seed: Int) {
        var run = Run(seed: seed)
        for _ in 0..<Int.random(in: 5...150, using: &run.generator) { run.step() }
        run.finish()
    }

    @Test("The peer's window never closes for good while everything is read")
    func credit() {
        var state = State(limits: Run.limits)
        _ = state.open(id: 1)
        var window = 64
        for _ in 0..<500 {
            let count = min(window, 7)
            #expect(count > 0, "the peer must not send, though everything was read")
            window -= count
            [UInt8](repeating: 1, count: count).withUnsafeBufferPointer { state.receive($0) }
            var wake = State.Wake()
            _ = state.read(&wake)
            window += wake.credit
        }
    }

    @Test("A cancellation between the decision to open and the opening is reset by whoever opens")
    func cancelledWhileOpening() {
        var state = State(limits: Run.limits)
        let mayOpen = state.beginOpening()
        #expect(mayOpen)
        let wake = state.abort(ChannelError(.cancelled, "test"), code: .cancel)
        #expect(wake.reset == nil)
        let mustReset = state.open(id: 1)
        #expect(mustReset)
    }

    @Test("What was never sent is safe to retry, what was sent is not")
    func retry() {
        for isSent in [true, false] {
            var state = State(limits: Run.limits)
            _ = state.wait(head: 0)
            _ = state.open(id: 1)
            if isSent { state.markRequestSent() }
            state.close(.connection(ChannelError(.notProcessed, "test")))
            guard case .failure(let error)? = state.deliver().head?.1 else { return #expect(Bool(false)) }
            #expect(error.isSafeToRetry == !isSent)
        }
    }

    @Test("A server answers once; what fails afterwards resets, and what is complete is left alone")
    func server() {
        let answer = OutgoingResponse(status: 200, headers: [:], error: nil)
        let failure = ChannelError(.handlerFailed, "test")
        var complete = State(limits: Run.limits)
        _ = complete.open(id: 1)
        let isTaken = (complete.respond(answer, body: []), complete.respond(answer, body: []))
        #expect(isTaken == (true, false))
        let responses = (complete.takeResponse(), complete.takeResponse())
        #expect(responses.0 != nil && responses.1 == nil)
        guard case .nothing = complete.fail(failure, response: answer, body: [], code: .internalError) else { return #expect(Bool(false)) }
        var streaming = State(limits: Run.limits)
        _ = streaming.open(id: 1)
        let isStreaming = streaming.respond(answer, body: nil)
        #expect(isStreaming)
        guard case .reset(let wake) = streaming.fail(failure, response: answer, body: [], code: .internalError) else {
            return #expect(Bool(false))
        }
        #expect(wake.reset == .internalError)
        var unanswered = State(limits: Run.limits)
        _ = unanswered.open(id: 1)
        guard case .answer = unanswered.fail(failure, response: answer, body: [1], code: .internalError) else {
            return #expect(Bool(false))
        }
        let response = unanswered.takeResponse()
        #expect(response != nil)
    }
}
