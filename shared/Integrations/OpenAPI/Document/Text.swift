extension String {
    /// The text without ASCII white space around it. By bytes: by characters it took half of the time of reading a document.
    var trimmed: String {
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
        let bytes = self.utf8
        guard let first = bytes.firstIndex(where: { !isBlank($0) }), let last = bytes.lastIndex(where: { !isBlank($0) }) else { return "" }
        return String(self[first...last])
    }

    /// At most `count` printable ASCII characters of the text, for use in a message.
    func printable(_ count: Int) -> String {
        // Only so far into the text: it may hold megabytes that are not printable.
        String(self.unicodeScalars.prefix(8 * count).lazy.filter { (0x20..<0x7F).contains($0.value) }.prefix(count).map(Character.init))
    }
}
