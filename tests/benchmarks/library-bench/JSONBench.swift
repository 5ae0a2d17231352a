import Foundation
import JSON

/// Parsing and writing of a large document, beside Foundation's.
enum JSONBench {
    static func run(corpus: String, rounds: Int) throws {
        let path = corpus + "/openapi/openai.json"
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let bytes = [UInt8](data)
        let value = try JSONValue(parsing: bytes)
        let object = try JSONSerialization.jsonObject(with: data)
        let megabytes = Double(bytes.count) / 1e6
        let (parse, theirParse) = Timing.alternate(
            rounds: rounds, { _ = try? JSONValue(parsing: bytes) }, { _ = try? JSONSerialization.jsonObject(with: data) })
        let (write, theirWrite) = Timing.alternate(
            rounds: rounds, { _ = value.bytes() }, { _ = try? JSONSerialization.data(withJSONObject: object) })
        let (check, _) = Timing.alternate(rounds: rounds, { _ = try? JSONText(validating: bytes) }, {})
        Report.row("JSON: parse `openai.json`", megabytes / parse, "JSONSerialization", megabytes / theirParse, unit: "MB/s")
        Report.row("JSON: write it", Double(value.bytes().count) / 1e6 / write, "JSONSerialization", megabytes / theirWrite, unit: "MB/s")
        Report.row("JSON: check it without building a tree", megabytes / check, "our parser", megabytes / parse, unit: "MB/s")
    }
}
