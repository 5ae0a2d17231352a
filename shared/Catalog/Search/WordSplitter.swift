/// Splits texts into words as ``SearchWords`` does, without making a string of each: an index of 100,000 tools has two million.
struct WordSplitter {
    /// The words of the last text in small letters, one after another; behind the end of the last is what was left from others.
    private(set) var bytes: [UInt8] = []
    /// Where each word ends in ``bytes``.
    private(set) var ends: [Int] = []

    /// Splits a text; what was there before is gone.
    mutating func split(_ text: String, maxWords: Int) {
        self.ends.removeAll(keepingCapacity: true)
        var text = text
        let isPlain = text.withUTF8 { utf8 in
            guard utf8.allSatisfy({ $0 < 0x80 }) else { return false }
            self.splitPlain(utf8, maxWords: maxWords)
            return true
        }
        guard !isPlain else { return }
        self.bytes.removeAll(keepingCapacity: true)
        for word in SearchWords(text, maxWords: maxWords).words {
            self.bytes.append(contentsOf: word.utf8)
            self.ends.append(self.bytes.count)
        }
    }

    /// For ASCII, where what is a letter, a digit and a capital is plain to see.
    private mutating func splitPlain(_ text: UnsafeBufferPointer<UInt8>, maxWords: Int) {
        // Words are together no longer than the text. Appending each byte would ask each time whether there is room.
        if self.bytes.count < text.count { self.bytes = [UInt8](repeating: 0, count: text.count) }
        var ends = self.ends
        self.ends = []
        self.bytes.withUnsafeMutableBufferPointer { bytes in
            var (start, end) = (0, 0)
            var isAfterSmall = false
            for byte in text {
                let isCapital = byte &- UInt8(ascii: "A") < 26
                let isWord = isCapital || byte &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10
                if !isWord || (isAfterSmall && isCapital), end > start {
                    start = end
                    ends.append(end)
                    if ends.count == maxWords { return }
                }
                if isWord {
                    bytes[end] = isCapital ? byte | 0x20 : byte
                    end += 1
                }
                isAfterSmall = isWord && !isCapital
            }
            if end > start { ends.append(end) }
        }
        self.ends = ends
    }
}
