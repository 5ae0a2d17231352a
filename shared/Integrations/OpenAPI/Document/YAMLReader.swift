import CYaml
import JSON

/// Reads one YAML document into a value, event by event.
///
/// It works on the parser's events rather than on a composed tree: the composed tree of a small hostile document can take minutes to
/// hash, and one that is deeply nested overflows the stack, before anything could be counted.
enum YAMLReader {
    /// Reads UTF-8 bytes without a byte order mark.
    static func read(_ bytes: [UInt8], limits: OpenAPILimits) throws(OpenAPIError) -> JSONValue {
        try self.checkDirectives(bytes)
        // The parser keeps a pointer to itself, so it must not move.
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { parser.deallocate() }
        guard yaml_parser_initialize(parser) == 1 else { throw OpenAPIError(.limitExceeded, "There is no memory to read the document.") }
        defer { yaml_parser_delete(parser) }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        return try bytes.withUnsafeBufferPointer { (buffer) throws(OpenAPIError) in
            // The parser reads from this buffer until it is deleted, and `parse` ends before the closure does.
            yaml_parser_set_input_string(parser, buffer.baseAddress, buffer.count)
            return try Self.parse(parser, limits: limits)
        }
    }

    /// The parser compares each `%TAG` with all before it, so that a hundred thousand of them take minutes. Nobody writes more than a few.
    private static func checkDirectives(_ bytes: [UInt8]) throws(OpenAPIError) {
        var count = 0
        var previous = UInt8(ascii: "\n")
        for byte in bytes {
            if byte == UInt8(ascii: "%"), previous == UInt8(ascii: "\n") || previous == UInt8(ascii: "\r") { count += 1 }
            previous = byte
        }
        guard count <= self.maxDirectives else {
            throw OpenAPIError(.syntax, "The YAML document has more than \(self.maxDirectives) directives (lines that begin with %).")
        }
    }

    private static let maxDirectives = 64

    private static func parse(_ parser: UnsafeMutablePointer<yaml_parser_t>, limits: OpenAPILimits) throws(OpenAPIError) -> JSONValue {
        var tree = YAMLTree(limits: limits)
        var documentCount = 0
        while true {
            var event = yaml_event_t()
            guard yaml_parser_parse(parser, &event) == 1 else { throw self.syntaxError(parser) }
            defer { yaml_event_delete(&event) }
            if event.type == YAML_STREAM_END_EVENT { break }
            if event.type == YAML_DOCUMENT_START_EVENT { documentCount += 1 }
            guard documentCount <= 1 else { throw OpenAPIError(.syntax, "The text holds several YAML documents. Hand in one.") }
            do {
                try self.apply(event, to: &tree)
            } catch {
                throw OpenAPIError(
                    error.isLimit ? .limitExceeded : .syntax, "The YAML document \(error.message) (line \(event.start_mark.line + 1)).")
            }
        }
        guard let root = tree.root else { throw OpenAPIError(.notADocument, "The document is empty.") }
        return root
    }

    private static func apply(_ event: yaml_event_t, to tree: inout YAMLTree) throws(YAMLFault) {
        switch event.type {
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            try tree.scalar(
                text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE, tag: self.string(scalar.tag), anchor: self.string(scalar.anchor))
        case YAML_SEQUENCE_START_EVENT: try tree.begin(mapping: false, anchor: self.string(event.data.sequence_start.anchor))
        case YAML_MAPPING_START_EVENT: try tree.begin(mapping: true, anchor: self.string(event.data.mapping_start.anchor))
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: try tree.end()
        case YAML_ALIAS_EVENT: try tree.alias(self.string(event.data.alias.anchor) ?? "")
        default: break
        }
    }

    private static func string(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        pointer.map { String(cString: $0) }
    }

    /// The parser's own words hold no part of the document.
    private static func syntaxError(_ parser: UnsafeMutablePointer<yaml_parser_t>) -> OpenAPIError {
        let problem = parser.pointee.problem.map { String(cString: $0) } ?? "it is not well formed"
        let mark = parser.pointee.problem_mark
        return OpenAPIError(
            .syntax, "The document is neither JSON nor YAML: \(problem) (line \(mark.line + 1), column \(mark.column + 1)).")
    }
}
