import JSON
import Model
import Sandbox

extension ToolResult {
    /// What the program gets: `{ok: true, data, http?}` or `{ok: false, error}`, with the data's bytes as they came.
    ///
    /// The data is not copied: what stands around it travels as its own pieces, so that an answer of 10 MB costs its own size.
    consuming func reply() -> SandboxReply {
        switch consume self {
        case .success(let data, let http):
            .spliced(SplicedJSON(prefix: Array(#"{"ok":true,"data":"#.utf8), body: data, suffix: Self.suffix(http)))
        case .failure(let error):
            .value(error.reply)
        }
    }

    private static func suffix(_ http: HTTPMetadata?) -> [UInt8] {
        guard let http else { return [UInt8(ascii: "}")] }
        var headers = JSONObject()
        for (name, value) in http.headers {
            // One value for a name sent several times, as RFC 9110, section 5.3 has it.
            if let earlier = headers[name]?.string {
                headers[name] = .string("\(earlier), \(value)")
            } else {
                headers[name] = .string(value)
            }
        }
        let metadata = JSONValue.object(["status": .int(http.status), "headers": .object(headers)])
        return Array(#","http":"#.utf8) + metadata.bytes() + [UInt8(ascii: "}")]
    }
}

extension ToolError {
    /// `{ok: false, error: {code, message, status?, details?, retryable?, retryAfter?}}`, the last in seconds.
    fileprivate var reply: JSONText {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("ok", false)
        writer.key("error")
        writer.beginObject()
        writer.member("code", .string(self.code))
        writer.member("message", .string(self.message))
        if let status = self.status { writer.member("status", .int(status)) }
        if let details = self.details {
            writer.key("details")
            writer.raw(details)
        }
        if let retryable = self.retryable { writer.member("retryable", .bool(retryable)) }
        if let retryAfter = self.retryAfter { writer.member("retryAfter", retryAfter.seconds) }
        writer.endObject()
        writer.endObject()
        return writer.finish()
    }
}

extension Duration {
    /// The duration in seconds: whole ones as an integer, others to the millisecond.
    fileprivate var seconds: JSONValue {
        let (seconds, attoseconds) = self.components
        let milliseconds = attoseconds / 1_000_000_000_000_000
        return milliseconds == 0 ? .int(Int(seconds)) : .double(Double(seconds) + Double(milliseconds) / 1000)
    }
}
