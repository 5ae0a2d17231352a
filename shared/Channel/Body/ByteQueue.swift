/// Bytes on their way, as the chunks in which they came. Taking and adding at the ends cost no more than the bytes that move.
struct ByteQueue: Sendable {
    /// The oldest chunk; empty only when the whole queue is. Kept apart so that a message of one chunk needs no array of arrays.
    private var head: [UInt8] = []
    private var headOffset = 0
    private var rest: [[UInt8]] = []
    private var restStart = 0

    /// How many bytes are in the queue.
    private(set) var count = 0

    var isEmpty: Bool { self.count == 0 }

    /// Adds a chunk without copying it.
    mutating func append(_ chunk: [UInt8]) {
        guard !chunk.isEmpty else { return }
        if self.count == 0 {
            self.head = chunk
            self.headOffset = 0
        } else {
            self.rest.append(chunk)
        }
        self.count += chunk.count
    }

    /// Adds bytes that are only valid during the call, to the last chunk if there is one: the reader then takes them in one go.
    mutating func append(copying bytes: UnsafeBufferPointer<UInt8>) {
        guard !bytes.isEmpty else { return }
        if self.count == 0 {
            self.head = Array(bytes)
            self.headOffset = 0
        } else if self.restStart == self.rest.count {
            self.head.append(contentsOf: bytes)
        } else {
            self.rest[self.rest.count - 1].append(contentsOf: bytes)
        }
        self.count += bytes.count
    }

    /// Takes the oldest chunk, or what is left of it.
    mutating func takeChunk() -> [UInt8]? {
        guard self.count > 0 else { return nil }
        let chunk = self.headOffset == 0 ? self.head : Array(self.head[self.headOffset...])
        self.count -= chunk.count
        self.advanceHead()
        return chunk
    }

    /// Moves as many bytes as there are and fit into the buffer, and says how many.
    mutating func move(into buffer: UnsafeMutableBufferPointer<UInt8>) -> Int {
        var moved = 0
        while moved < buffer.count, self.count > 0 {
            let size = Swift.min(buffer.count - moved, self.head.count - self.headOffset)
            let target = UnsafeMutableBufferPointer(rebasing: buffer[moved..<moved + size])
            self.head.withUnsafeBufferPointer { source in
                _ = target.update(fromContentsOf: source[self.headOffset..<self.headOffset + size])
            }
            moved += size
            self.headOffset += size
            self.count -= size
            if self.headOffset == self.head.count { self.advanceHead() }
        }
        return moved
    }

    /// Drops everything.
    mutating func removeAll() { self = ByteQueue() }

    private mutating func advanceHead() {
        self.headOffset = 0
        guard self.restStart < self.rest.count else {
            self.head = []
            return
        }
        self.head = self.rest[self.restStart]
        self.rest[self.restStart] = []
        self.restStart += 1
        if self.restStart == self.rest.count {
            self.rest.removeAll(keepingCapacity: true)
            self.restStart = 0
        } else if self.restStart >= 32, self.restStart * 2 >= self.rest.count {
            self.rest.removeFirst(self.restStart)
            self.restStart = 0
        }
    }
}
