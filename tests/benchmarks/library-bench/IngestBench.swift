import Foundation
import OpenAPI

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
            let milliseconds = Timing.median(times) * 1000
            let rate = Double(bytes.count) / 1e6 / Timing.median(times)
            print("ingest of `\(name)` (\(count) operations)\t\(Report.text(milliseconds)) ms CPU, \(Report.text(rate)) MB/s\t–\t–")
        }
        print("peak memory after all of them\t\(Self.peakMegabytes()) MB\t–\t–")
    }

    private static func peakMegabytes() -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
        return (Int(line.filter(\.isNumber)) ?? 0) / 1024
    }
}
