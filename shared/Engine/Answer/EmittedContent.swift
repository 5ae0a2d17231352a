import JSON

/// What a program gave to `emit`, as content blocks, in order and within bounds.
///
/// A file (`{_tag: "ToolFile", mimeType, encoding: "base64", data, …}`) is shown by its type: images and audio as such, text as text,
/// the rest as an embedded resource. An MCP content block passes through. A string is text as it is, anything else its JSON.
struct EmittedContent {
    let blocks: [ContentBlock]

    init(_ values: [JSONText], maxItems: Int, maxBytes: Int, maxTextCharacters: Int) {
        var blocks: [ContentBlock] = []
        var room = maxBytes
        var missing: (count: Int, byteCount: Int) = (0, 0)
        for value in values {
            guard blocks.count < maxItems, value.bytes.count <= room else {
                missing = (missing.count + 1, missing.byteCount + value.bytes.count)
                continue
            }
            room -= value.bytes.count
            blocks.append(Self.block(value, index: blocks.count + 1, maxTextCharacters: maxTextCharacters))
        }
        if missing.count > 0 {
            let items = missing.count == 1 ? "1 emitted item" : "\(missing.count) emitted items"
            blocks.append(.text("[\(items) of \(missing.byteCount) bytes left out]"))
        }
        self.blocks = blocks
    }

    private static func block(_ text: JSONText, index: Int, maxTextCharacters: Int) -> ContentBlock {
        guard text.bytes.first == UInt8(ascii: "{"), let value = try? text.value() else {
            return self.plain(text, maxTextCharacters)
        }
        if let type = self.contentBlockType(value) { return .block(type: type, text) }
        return self.file(value, index: index, maxTextCharacters) ?? self.plain(text, maxTextCharacters)
    }

    private static func plain(_ text: JSONText, _ maxCharacters: Int) -> ContentBlock {
        let result = ResultText(text, maxCharacters: maxCharacters)
        return .text(result.isCut ? result.text + Self.cutMarker(maxCharacters, text.bytes.count) : result.text)
    }

    /// What stands where text was cut.
    static func cutMarker(_ maxCharacters: Int, _ byteCount: Int) -> String {
        "\n… [cut: these are the first \(maxCharacters) characters; the whole has \(byteCount) bytes as JSON]"
    }

    // MARK: MCP content blocks

    /// The type of a value that is a content block as clients expect it (MCP 2025-06-18, ContentBlock); nil for any other value.
    private static func contentBlockType(_ value: JSONValue) -> String? {
        guard let type = value["type"]?.string else { return nil }
        let isComplete =
            switch type {
            case "text": value["text"]?.string != nil
            case "image", "audio": value["data"]?.string != nil && value["mimeType"]?.string != nil
            case "resource":
                value["resource"]?["uri"]?.string != nil
                    && (value["resource"]?["text"]?.string != nil || value["resource"]?["blob"]?.string != nil)
            case "resource_link": value["uri"]?.string != nil && value["name"]?.string != nil
            default: false
            }
        return isComplete ? type : nil
    }

    // MARK: Files

    private static func file(_ value: JSONValue, index: Int, _ maxTextCharacters: Int) -> ContentBlock? {
        guard value["_tag"]?.string == "ToolFile", value["encoding"]?.string ?? "base64" == "base64" else { return nil }
        guard let data = value["data"]?.string, let type = value["mimeType"]?.string else { return nil }
        for medium in ["image", "audio"] where type.hasPrefix("\(medium)/") {
            return .block(type: medium, JSONText(["type": .string(medium), "data": .string(data), "mimeType": .string(type)]))
        }
        guard let bytes = Base64.decode(data) else { return nil }
        if self.isText(type), let text = String(validating: bytes, as: UTF8.self) { return self.text(text, bytes.count, maxTextCharacters) }
        let name = value["name"]?.string ?? "file-\(index)"
        let resource: JSONValue = [
            "uri": .string("roost://emitted/\(self.uriSafe(name))"), "mimeType": .string(type), "blob": .string(data),
        ]
        return .block(type: "resource", JSONText(["type": "resource", "resource": resource]))
    }

    private static func text(_ text: String, _ byteCount: Int, _ maxCharacters: Int) -> ContentBlock {
        guard let prefix = text.prefix(ifLongerThan: maxCharacters) else { return .text(text) }
        return .text("\(prefix)\n… [cut: these are the first \(maxCharacters) characters of a file of \(byteCount) bytes]")
    }

    private static func isText(_ type: String) -> Bool {
        let essence = type.prefix { $0 != ";" }.lowercased()
        if essence.hasPrefix("text/") || essence.hasSuffix("+json") || essence.hasSuffix("+xml") { return true }
        return ["application/json", "application/xml", "application/yaml", "application/javascript", "application/x-ndjson"].contains(
            essence)
    }

    /// A file's name within a URI: unreserved characters stay, the rest is percent-encoded (RFC 3986, section 2).
    private static func uriSafe(_ name: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in name.utf8.prefix(255) {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                bytes.append(byte)
            default:
                bytes.append(contentsOf: [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]])
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
