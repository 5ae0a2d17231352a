import Foundation

/// CPU time of single-threaded work.
enum Timing {
    /// Medians in seconds of CPU time of two pieces of work that take turns.
    static func alternate(rounds: Int, _ first: () -> Void, _ second: () -> Void) -> (Double, Double) {
        var (firsts, seconds): ([Double], [Double]) = ([], [])
        for _ in 0..<rounds {
            firsts.append(self.measure(first))
            seconds.append(self.measure(second))
        }
        return (self.median(firsts), self.median(seconds))
    }

    static func measure(_ work: () -> Void) -> Double {
        let before = self.processTime()
        work()
        return self.processTime() - before
    }

    static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    /// CPU time of this process in seconds.
    static func processTime() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// Rows of the table that `bench.py` prints: tab-separated.
enum Report {
    /// A figure of which more is better, beside its yardstick.
    static func row(_ what: String, _ ours: Double, _ yardstick: String, _ theirs: Double, unit: String) {
        print("\(what)\t\(self.text(ours)) \(unit)\t\(yardstick): \(self.text(theirs)) \(unit)\t\(self.text(ours / theirs))×")
    }

    static func text(_ value: Double) -> String { String(format: value < 10 ? "%.2f" : "%.0f", value) }
}
