import Foundation
import OpenAPI
import Yams

/// Reading whole API documents into tools: time and memory.
enum IngestBench {
    static func run(corpus: String, rounds: Int) throws {
        for name in ["petstore.yaml", "box.json", "twilio-2010.json", "discord.json", "openai.json", "openai.yaml"] {
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(corpus)/openapi/\(name)")))
            var count = 0
            var times: [Double] = []
            for _ in 0..<rounds {
                times.append(
                    Timing.measure {
                        let document = try? OpenAPIDocument(reading: bytes, url: nil, limits: OpenAPILimits())
                        count = (try? document?.ingest(limits: OpenAPILimits()))?.tools.count ?? 0
                    })
            }
            let (ours, theirs) = (Timing.median(times), Timing.median((0..<rounds).map { _ in Timing.measure { Self.read(bytes, name) } }))
            let yardstick = name.hasSuffix(".json") ? "JSONSerialization alone" : "Yams alone"
            print(
                "ingest of `\(name)` (\(count) operations)\t\(Report.text(ours * 1000)) ms CPU"
                    + "\t\(yardstick): \(Report.text(theirs * 1000)) ms CPU\t\(Report.text(ours / theirs))")
        }
        print("peak memory after all of them\t\(Self.peakMegabytes()) MB\t–\t–")
    }

    /// Reads the text into a tree and does nothing with it.
    private static func read(_ bytes: [UInt8], _ name: String) {
        if name.hasSuffix(".json") {
            _ = try? JSONSerialization.jsonObject(with: Data(bytes))
        } else {
            _ = try? Yams.load(yaml: String(decoding: bytes, as: UTF8.self))
        }
    }

    private static func peakMegabytes() -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
        return (Int(line.filter(\.isNumber)) ?? 0) / 1024
    }
}
