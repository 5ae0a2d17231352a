/// Splits texts into words as ``SearchWords`` does, without making a string of each: an index of 100,000 tools has two million.
struct WordSplitter {
    /// The words of the last text in small letters, one after another.
    private(set) var bytes: [UInt8] = []
    /// Where each word ends in ``bytes``.
    private(set) var ends: [Int] = []

    /// Splits a text; what was there before is gone.
    mutating func split(_ text: String, maxWords: Int) {
        self.bytes.removeAll(keepingCapacity: true)
        self.ends.removeAll(keepingCapacity: true)
        var text = text
        let isPlain = text.withUTF8 { utf8 in
            guard utf8.allSatisfy({ $0 < 0x80 }) else { return false }
            self.splitPlain(utf8, maxWords: maxWords)
            return true
        }
        guard !isPlain else { return }
        for word in SearchWords(text, maxWords: maxWords).words {
            self.bytes.append(contentsOf: word.utf8)
            self.ends.append(self.bytes.count)
        }
    }

    /// For ASCII, where what is a letter, a digit and a capital is plain to see.
    private mutating func splitPlain(_ text: UnsafeBufferPointer<UInt8>, maxWords: Int) {
        var start = 0
        var isAfterSmall = false
        for byte in text {
            let isCapital = byte &- UInt8(ascii: "A") < 26
            let isWord = isCapital || byte &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10
            if !isWord || (isAfterSmall && isCapital), self.bytes.count > start {
                start = self.bytes.count
                self.ends.append(start)
                if self.ends.count == maxWords { return }
            }
            if isWord { self.bytes.append(isCapital ? byte | 0x20 : byte) }
            isAfterSmall = isWord && !isCapital
        }
        if self.bytes.count > start { self.ends.append(self.bytes.count) }
    }
}
