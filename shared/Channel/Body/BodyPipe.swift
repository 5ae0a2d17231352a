/// One direction of one exchange: a bounded queue of bytes with one reader and one or more writers, as a value.
///
/// It serves tasks and event loops alike. A *task* reads with ``read()`` and ``wait(reader:)`` and writes with ``write(_:)`` and
/// ``wait(writer:with:)``. An *event loop* puts bytes in with ``receive(_:)`` (flow control bounds them) and takes them out with
/// ``pull(into:)``; it must not wake tasks from inside the framing engine, so what it changed is handed out later by ``deliver()``.
///
/// The rule against lost wake-ups: every change that could end a wait hands out the waiter in the same step (``Wake``), except
/// `receive`, `finishReceiving` and `failReceiving`, which must be followed by `deliver`.
struct BodyPipe<Reader: Sendable, Writer: Sendable>: Sendable {
    typealias ReadResult = Result<[UInt8]?, ChannelError>
    typealias WriteResult = Result<Void, ChannelError>

    /// Who has to be told that a wait is over. Perform it after the lock around the pipe is released.
    struct Wake: Sendable {
        var reader: (Reader, ReadResult)?
        var writers: [(Writer, WriteResult)] = []
        /// The event loop that found nothing in ``BodyPipe/pull(into:)`` has to come again.
        var puller = false
    }

    /// What came of an attempt to write.
    enum Attempt: Sendable {
        case accepted(Wake)
        case full
        case failed(ChannelError)
    }

    /// What an event loop got out.
    enum Pulled: Equatable, Sendable {
        case bytes(Int)
        /// These were the last; zero is possible.
        case last(Int)
        /// Nothing is there now; `Wake.puller` will say when to come again.
        case starved
        /// The writer has failed: break the exchange off.
        case failed
    }

    private enum Source: Sendable {
        case open
        case finished
        case failed(ChannelError)
    }

    private var queue = ByteQueue()
    private let capacity: Int
    private var source = Source.open
    /// Set once nobody will read any more.
    private var abandoned: ChannelError?
    private var reader: Reader?
    private var writers: [(Writer, [UInt8])] = []
    private var isStarved = false

    /// How many bytes wait in the pipe.
    var count: Int { self.queue.count }

    /// Whether the last byte has been put in, be it by finishing or by failing.
    var isFinished: Bool {
        if case .open = self.source { false } else { true }
    }

    /// Whether the reader has gone.
    var isAbandoned: Bool { self.abandoned != nil }

    /// Makes an empty pipe that holds writers up once `capacity` bytes wait in it.
    init(capacity: Int) { self.capacity = capacity }
}

// MARK: Writing

extension BodyPipe {
    /// Puts a chunk in if there is room: then the chunk may exceed the capacity, but nothing comes after it.
    mutating func write(_ chunk: [UInt8]) -> Attempt {
        if let error = self.writeError { return .failed(error) }
        guard self.writers.isEmpty, self.queue.count < self.capacity else { return .full }
        self.queue.append(chunk)
        return .accepted(self.wakeForNewBytes())
    }

    /// Waits for room, unless there is some by now or never will be.
    mutating func wait(writer: Writer, with chunk: [UInt8]) -> Wake {
        switch self.write(chunk) {
        case .accepted(var wake):
            wake.writers.append((writer, .success(())))
            return wake
        case .failed(let error): return Wake(writers: [(writer, .failure(error))])
        case .full:
            self.writers.append((writer, chunk))
            return Wake()
        }
    }

    /// Says that everything has been written. A writer that still waits beside the one that finished is refused.
    mutating func finish() -> Wake {
        guard case .open = self.source else { return Wake() }
        self.source = .finished
        let refused = self.takeWriters(failing: Self.writtenAfterEnd)
        var wake = self.wakeForNewBytes()
        wake.writers += refused
        return wake
    }

    /// Says that the writer broke off. The reader still gets the bytes that are in the pipe, and then the error.
    mutating func fail(_ error: ChannelError) -> Wake {
        guard case .open = self.source else { return Wake() }
        self.source = .failed(error)
        let failed = self.takeWriters(failing: error)
        var wake = self.wakeForNewBytes()
        wake.writers += failed
        return wake
    }

    private var writeError: ChannelError? {
        if let abandoned { return abandoned }
        switch self.source {
        case .open: return nil
        case .failed(let error): return error
        case .finished: return Self.writtenAfterEnd
        }
    }

    private static var writtenAfterEnd: ChannelError {
        ChannelError(.invalidMessage, "The body was already finished; write before the producer returns.")
    }

    private mutating func wakeForNewBytes() -> Wake {
        var wake = Wake()
        wake.puller = self.isStarved
        self.isStarved = false
        wake.reader = self.takeServedReader(&wake.writers)
        return wake
    }

    private mutating func takeWriters(failing error: ChannelError) -> [(Writer, WriteResult)] {
        guard !self.writers.isEmpty else { return [] }
        defer { self.writers = [] }
        return self.writers.map { ($0.0, .failure(error)) }
    }
}

// MARK: Reading

extension BodyPipe {
    /// Takes a chunk, the end or the failure, if there is one now; nil means that the reader has to wait.
    mutating func read(_ wake: inout Wake) -> ReadResult? {
        if let abandoned { return .failure(abandoned) }
        if let chunk = self.queue.takeChunk() {
            wake.writers += self.admitWriters()
            return .success(chunk)
        }
        switch self.source {
        case .open: return nil
        case .finished: return .success(nil)
        case .failed(let error): return .failure(error)
        }
    }

    /// Waits for the next chunk, unless there is one by now.
    mutating func wait(reader: Reader) -> Wake {
        var wake = Wake()
        if let result = self.read(&wake) {
            wake.reader = (reader, result)
        } else if self.reader != nil {
            let error = ChannelError(.invalidMessage, "A body has one reader; do not read it from two tasks at once.")
            wake.reader = (reader, .failure(error))
        } else {
            self.reader = reader
        }
        return wake
    }

    /// Says that nobody will read on: drops what is in the pipe and fails every writer, now and later.
    mutating func abandon(_ error: ChannelError) -> Wake {
        guard self.abandoned == nil else { return Wake() }
        self.abandoned = error
        self.queue.removeAll()
        var wake = Wake()
        wake.puller = self.isStarved
        self.isStarved = false
        wake.writers = self.takeWriters(failing: error)
        if let reader = self.reader.take() { wake.reader = (reader, .failure(error)) }
        return wake
    }

    private mutating func takeServedReader(_ writers: inout [(Writer, WriteResult)]) -> (Reader, ReadResult)? {
        guard let reader = self.reader else { return nil }
        var wake = Wake()
        guard let result = self.read(&wake) else { return nil }
        self.reader = nil
        writers += wake.writers
        return (reader, result)
    }

    /// Lets waiting writers in once half of the room is free, so that they do not wake for every few bytes.
    private mutating func admitWriters() -> [(Writer, WriteResult)] {
        guard !self.writers.isEmpty, self.queue.count <= self.capacity / 2 else { return [] }
        var admitted: [(Writer, WriteResult)] = []
        while let (writer, chunk) = self.writers.first, self.queue.count < self.capacity {
            self.writers.removeFirst()
            self.queue.append(chunk)
            admitted.append((writer, .success(())))
        }
        return admitted
    }
}

// MARK: The event loop's ends

extension BodyPipe {
    /// Puts received bytes in, whatever the capacity: the peer was not allowed to send more than the window. Follow with ``deliver()``.
    mutating func receive(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard self.abandoned == nil, case .open = self.source else { return }
        self.queue.append(copying: bytes)
    }

    /// Says that the peer has sent everything. Follow with ``deliver()``.
    mutating func finishReceiving() {
        if case .open = self.source { self.source = .finished }
    }

    /// Says that no more will be received. Follow with ``deliver()``.
    mutating func failReceiving(_ error: ChannelError) {
        if case .open = self.source { self.source = .failed(error) }
    }

    /// Hands out the waiting reader if there is something for it.
    mutating func deliver() -> Wake { self.wakeForNewBytes() }

    /// Takes what is in the pipe as one array, if the peer has sent everything and nothing was read before.
    mutating func takeComplete() -> [UInt8]? {
        guard case .finished = self.source, self.abandoned == nil else { return nil }
        guard let bytes = self.queue.takeChunk() else { return [] }
        guard !self.queue.isEmpty else { return bytes }
        var all = bytes
        while let chunk = self.queue.takeChunk() { all.append(contentsOf: chunk) }
        return all
    }

    /// Moves bytes into a frame.
    mutating func pull(into buffer: UnsafeMutableBufferPointer<UInt8>) -> (Pulled, Wake) {
        // Whoever abandons what is to be sent also resets the stream; until then there is nothing.
        guard self.abandoned == nil else { return (.starved, Wake()) }
        let count = self.queue.move(into: buffer)
        let wake = Wake(writers: self.admitWriters())
        guard self.queue.isEmpty else { return (.bytes(count), wake) }
        switch self.source {
        case .finished: return (.last(count), wake)
        case .open where count > 0: return (.bytes(count), wake)
        case .failed where count > 0: return (.bytes(count), wake)
        case .failed: return (.failed, wake)
        case .open:
            self.isStarved = true
            return (.starved, wake)
        }
    }
}
