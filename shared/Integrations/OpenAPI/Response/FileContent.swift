import JSON

/// A body that is a file, as programs get it: `{_tag: "ToolFile", name?, mimeType, encoding: "base64", data, byteLength}`.
enum FileContent {
    /// The file as a JSON text.
    ///
    /// - Parameters:
    ///   - mimeType: What the server says; empty or `application/octet-stream` when it does not say, and then the bytes are looked at.
    ///   - disposition: The `Content-Disposition` field, for the file's name.
    static func json(_ bytes: [UInt8], mimeType: String, disposition: String?) -> JSONText {
        var writer = JSONWriter(reservingCapacity: bytes.count / 3 * 4 + 200)
        writer.beginObject()
        writer.member("_tag", "ToolFile")
        if let name = disposition.flatMap(Self.name) { writer.member("name", .string(name)) }
        let isKnown = !mimeType.isEmpty && mimeType != "application/octet-stream" && mimeType != "binary/octet-stream"
        writer.member("mimeType", .string(isKnown ? mimeType : Self.sniffed(bytes)))
        writer.member("encoding", "base64")
        writer.key("data")
        writer.string(Base64.encode(bytes))
        writer.member("byteLength", .int(bytes.count))
        writer.endObject()
        return writer.finish()
    }

    private static let signatures: [(prefix: [UInt8], type: String)] = [
        ([0xFF, 0xD8, 0xFF], "image/jpeg"), ([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], "image/png"),
        (Array("GIF8".utf8), "image/gif"), (Array("%PDF-".utf8), "application/pdf"), ([0x50, 0x4B, 0x03, 0x04], "application/zip"),
        ([0x1F, 0x8B], "application/gzip"),
    ]

    private static func sniffed(_ bytes: [UInt8]) -> String {
        for (prefix, type) in self.signatures where bytes.starts(with: prefix) { return type }
        if bytes.starts(with: "RIFF".utf8), bytes.dropFirst(8).starts(with: "WEBP".utf8) { return "image/webp" }
        return "application/octet-stream"
    }

    /// `filename="…"`, without any folder that a server might suggest (RFC 6266, section 4.3).
    private static func name(_ disposition: String) -> String? {
        for parameter in disposition.split(separator: ";").dropFirst() {
            let pair = parameter.split(separator: "=", maxSplits: 1)
            guard pair.count == 2, String(pair[0]).trimmed.lowercased() == "filename" else { continue }
            let value = String(pair[1]).trimmed.filter { $0 != "\"" }
            let base = value.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last.map(String.init) ?? ""
            return base.isEmpty || base == "." || base == ".." ? nil : String(base.prefix(255))
        }
        return nil
    }
}
