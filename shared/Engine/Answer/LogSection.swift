import Sandbox

/// A program's log lines as an agent sees them: `[warn] text`, the first ones up to a bound, and how many are missing.
struct LogSection {
    let lines: [String]

    init(_ logs: [SandboxLogLine], limits: AnswerLimits) {
        var lines: [String] = []
        var byteCount = 0
        for log in logs {
            let line = "[\(log.level.rawValue)] \(log.text)"
            byteCount += line.utf8.count + 1
            guard lines.count < limits.maxLogLines, byteCount <= limits.maxLogBytes else { break }
            lines.append(line)
        }
        let missing = logs.count - lines.count
        if missing > 0 { lines.append("… \(missing) more log \(missing == 1 ? "line" : "lines") left out") }
        self.lines = lines
    }

    /// The section of the text, with the empty line before it; empty when there are no logs.
    var text: String { self.lines.isEmpty ? "" : "\n\nLogs:\n" + self.lines.joined(separator: "\n") }
}
