import CNGHTTP2

/// The fields of one head in the order in which they go out.
struct HeaderFields {
    struct Field {
        let name: String
        let value: String
        /// Whether the compressor may remember it: not for values that are different every time.
        let isIndexed: Bool
    }

    private(set) var fields: [Field] = []

    /// Adds a field of the channel itself.
    mutating func append(_ name: String, _ value: String, isIndexed: Bool = true) {
        self.fields.append(Field(name: name, value: value, isIndexed: isIndexed))
    }

    /// Adds the fields of a message.
    mutating func append(contentsOf headers: ChannelHeaders) {
        for header in headers { self.append(header.name, header.value, isIndexed: header.isRepeated) }
    }

    /// Forgets the fields and keeps the room.
    mutating func removeAll() { self.fields.removeAll(keepingCapacity: true) }
}

/// Scratch memory in which fields take the form that nghttp2 wants; kept by the session, so that a head costs no allocation here.
struct HeaderBlock {
    private var text: [UInt8] = []
    private var vectors: [nghttp2_nv] = []

    /// Calls with nghttp2's view of the fields; nghttp2 copies what it keeps.
    mutating func withFields<Outcome>(_ fields: HeaderFields, _ body: (UnsafePointer<nghttp2_nv>?, Int) -> Outcome) -> Outcome {
        self.text.removeAll(keepingCapacity: true)
        self.vectors.removeAll(keepingCapacity: true)
        for field in fields.fields {
            self.text.append(contentsOf: field.name.utf8)
            self.text.append(contentsOf: field.value.utf8)
        }
        return self.text.withUnsafeMutableBufferPointer { text in
            var start = text.baseAddress
            for field in fields.fields {
                let nameCount = field.name.utf8.count
                let valueCount = field.value.utf8.count
                let flags = field.isIndexed ? NGHTTP2_NV_FLAG_NONE : NGHTTP2_NV_FLAG_NO_INDEX
                self.vectors.append(
                    nghttp2_nv(
                        name: start, value: start.map { $0 + nameCount }, namelen: nameCount, valuelen: valueCount,
                        flags: UInt8(flags.rawValue)))
                start = start.map { $0 + nameCount + valueCount }
            }
            return self.vectors.withUnsafeBufferPointer { body($0.baseAddress, $0.count) }
        }
    }
}
