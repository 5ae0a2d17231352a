import Testing

@testable import Channel

/// Runs random sequences of events against a pipe whose waiters are numbers, and checks after each step what must always hold: bytes come
/// out in order, every waiter is let go exactly once, and none waits that need not.
@Suite("Body pipe")
struct BodyPipeTests {
    private typealias Pipe = BodyPipe<Int, Int>

    private struct Run {
        var pipe: Pipe
        var generator: SeededGenerator
        var nextByte: UInt8 = 0
        var nextWaiter = 0
        var expected: [UInt8] = []
        var received: [UInt8] = []
        var reader: Int?
        /// Waiting writers with the chunks that go in when they are let in.
        var writers: [(id: Int, chunk: [UInt8])] = []
        var isStarved = false
        var hasEnded = false
        var isAbandoned = false
        let capacity: Int

        init(seed: Int) {
            self.generator = SeededGenerator(seed: UInt64(seed))
            self.capacity = Int.random(in: 1...50, using: &self.generator)
            self.pipe = Pipe(capacity: self.capacity)
        }

        mutating func chunk() -> [UInt8] {
            (0..<Int.random(in: 0...30, using: &self.generator)).map { _ in
                self.nextByte &+= 1
                return self.nextByte
            }
        }

        mutating func perform(_ wake: Pipe.Wake) {
            for (writer, result) in wake.writers {
                guard let index = self.writers.firstIndex(where: { $0.id == writer }) else {
                    Issue.record("a writer was woken twice, or never waited")
                    continue
                }
                let (_, chunk) = self.writers.remove(at: index)
                if case .success = result {
                    #expect(index == 0, "writers are let in in order")
                    self.expected += chunk
                }
            }
            if let (reader, result) = wake.reader {
                #expect(reader == self.reader, "only the waiting reader is woken")
                self.reader = nil
                self.take(result)
            }
            if wake.puller {
                #expect(self.isStarved, "the puller is called only after it starved")
                self.isStarved = false
            }
        }

        mutating func take(_ result: Pipe.ReadResult) {
            switch result {
            case .success(let chunk?):
                #expect(!chunk.isEmpty)
                self.received += chunk
            case .success(nil), .failure: #expect(self.hasEnded || self.isAbandoned)
            }
        }

        mutating func check() {
            #expect(self.pipe.count + self.received.count == self.expected.count || self.isAbandoned)
            #expect(self.expected.starts(with: self.received))
            if self.reader != nil { #expect(self.pipe.count == 0 && !self.hasEnded && !self.isAbandoned, "a reader waits in vain") }
            if !self.writers.isEmpty {
                #expect(!self.hasEnded && !self.isAbandoned, "a writer waits in vain")
                #expect(self.pipe.count > self.capacity / 2, "a writer waits though there is room")
            }
            if self.isStarved { #expect(self.pipe.count == 0 && !self.hasEnded, "the puller starves in vain") }
            #expect(self.pipe.count < self.capacity + 30, "the pipe exceeds its bound")
        }
    }

    @Test("Between tasks nothing is lost, doubled or left waiting", arguments: 0..<400)
    func tasks(seed: Int) {
        var run = Run(seed: seed)
        for _ in 0..<200 {
            switch Int.random(in: 0..<40, using: &run.generator) {
            case 0..<16: Self.write(&run)
            case 16..<36: Self.read(&run)
            case 36 where seed % 2 == 0 && !run.hasEnded:
                run.hasEnded = true
                run.perform(run.pipe.finish())
            case 37 where seed % 3 == 0 && !run.hasEnded:
                run.hasEnded = true
                run.perform(run.pipe.fail(ChannelError(.reset, "test")))
            case 38 where seed % 5 == 0 && !run.isAbandoned:
                run.isAbandoned = true
                run.perform(run.pipe.abandon(ChannelError(.cancelled, "test")))
            default: break
            }
            run.check()
        }
        Self.endAll(&run)
    }

    @Test("From tasks to an event loop nothing is lost, and the puller is called again", arguments: 0..<400)
    func pulled(seed: Int) {
        var run = Run(seed: seed)
        for _ in 0..<200 {
            switch Int.random(in: 0..<40, using: &run.generator) {
            case 0..<16: Self.write(&run)
            case 16..<36:
                if !run.isStarved { Self.pull(&run) }
            case 36 where !run.hasEnded && seed % 2 == 0:
                run.hasEnded = true
                run.perform(run.pipe.finish())
            case 37 where !run.hasEnded && seed % 3 == 0:
                run.hasEnded = true
                run.perform(run.pipe.fail(ChannelError(.reset, "test")))
            default: break
            }
            run.check()
        }
    }

    @Test("From an event loop to a task nothing is lost once it is delivered", arguments: 0..<400)
    func received(seed: Int) {
        var run = Run(seed: seed)
        for _ in 0..<200 {
            for _ in 0..<Int.random(in: 0...3, using: &run.generator) where !run.hasEnded {
                let chunk = run.chunk()
                chunk.withUnsafeBufferPointer { run.pipe.receive($0) }
                run.expected += chunk
                if Int.random(in: 0..<100, using: &run.generator) == 0 {
                    run.pipe.finishReceiving()
                    run.hasEnded = true
                }
            }
            run.perform(run.pipe.deliver())
            if Bool.random(using: &run.generator) { Self.read(&run) }
            if run.reader != nil { #expect(run.pipe.count == 0 && !run.hasEnded) }
        }
        #expect(run.expected.starts(with: run.received))
        #expect(run.pipe.count + run.received.count == run.expected.count)
    }

    @Test("A body that is complete and unread is taken as one array")
    func complete() {
        var pipe = Pipe(capacity: 10)
        #expect(pipe.takeComplete() == nil)
        [1, 2, 3].withUnsafeBufferPointer { pipe.receive($0) }
        [4].withUnsafeBufferPointer { pipe.receive($0) }
        #expect(pipe.takeComplete() == nil)
        pipe.finishReceiving()
        #expect(pipe.takeComplete() == [1, 2, 3, 4])
        #expect(pipe.takeComplete() == [])
    }

    @Test("A second reader is refused, and the first goes on")
    func twoReaders() {
        var pipe = Pipe(capacity: 10)
        #expect(pipe.wait(reader: 1).reader == nil)
        guard case (2, .failure(let error))? = pipe.wait(reader: 2).reader else { return #expect(Bool(false)) }
        #expect(error.code == .invalidMessage)
        guard case .accepted(let wake) = pipe.write([5]) else { return #expect(Bool(false)) }
        #expect(wake.reader?.0 == 1)
    }

    private static func write(_ run: inout Run) {
        let chunk = run.chunk()
        switch run.pipe.write(chunk) {
        case .accepted(let wake):
            run.expected += chunk
            run.perform(wake)
        case .failed: #expect(run.hasEnded || run.isAbandoned)
        case .full:
            let id = run.nextWaiter
            run.nextWaiter += 1
            run.writers.append((id, chunk))
            run.perform(run.pipe.wait(writer: id, with: chunk))
        }
    }

    private static func read(_ run: inout Run) {
        guard run.reader == nil else { return }
        var wake = Pipe.Wake()
        let result = run.pipe.read(&wake)
        run.perform(wake)
        if let result { return run.take(result) }
        run.reader = run.nextWaiter
        run.nextWaiter += 1
        run.perform(run.pipe.wait(reader: run.reader ?? -1))
    }

    private static func pull(_ run: inout Run) {
        var buffer = [UInt8](repeating: 0, count: Int.random(in: 1...40, using: &run.generator))
        let (pulled, wake) = buffer.withUnsafeMutableBufferPointer { run.pipe.pull(into: $0) }
        switch pulled {
        case .bytes(let count), .last(let count):
            run.received += buffer.prefix(count)
            if case .last = pulled { #expect(run.hasEnded) }
        case .starved: run.isStarved = true
        case .failed: #expect(run.hasEnded)
        }
        run.perform(wake)
    }

    private static func endAll(_ run: inout Run) {
        run.hasEnded = true
        run.perform(run.pipe.fail(ChannelError(.reset, "test")))
        run.isAbandoned = true
        run.perform(run.pipe.abandon(ChannelError(.reset, "test")))
        #expect(run.reader == nil && run.writers.isEmpty)
    }
}
