/// Many texts one after another in one piece of memory: an array of strings would cost each an allocation and a header.
struct PackedTexts: Sendable {
    private var bytes: [UInt8] = []
    /// Where each text begins, and the end of the last.
    private var starts = [0]

    var count: Int { self.starts.count - 1 }

    /// What it takes in memory.
    var byteCount: Int { self.bytes.count + self.starts.count * MemoryLayout<Int>.stride }

    /// Whether no text holds anything but ASCII.
    var isASCII: Bool { self.bytes.allSatisfy { $0 < 0x80 } }

    /// A text.
    subscript(position: Int) -> String { String(decoding: self.bytes(at: position), as: UTF8.self) }

    /// A text's bytes.
    func bytes(at position: Int) -> ArraySlice<UInt8> { self.bytes[self.starts[position]..<self.starts[position + 1]] }

    /// Adds one behind the others.
    mutating func append(_ text: String) {
        self.bytes.append(contentsOf: text.utf8)
        self.starts.append(self.bytes.count)
    }

    /// The first of texts in the order of their bytes that is not before some bytes.
    func firstPosition(notBefore bytes: some Collection<UInt8>) -> Int {
        var (low, high) = (0, self.count)
        while low < high {
            let middle = (low + high) / 2
            if self.bytes(at: middle).lexicographicallyPrecedes(bytes) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
