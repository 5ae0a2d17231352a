/// Reads `Retry-After` (RFC 9110, section 10.2.3).
enum RetryAfter {
    /// A day: what is longer is no advice for a program that runs now.
    private static let longest: Duration = .seconds(86_400)

    /// How long to wait: seconds, or a date in the preferred form (`Sun, 06 Nov 1994 08:49:37 GMT`) counted from `date`, the answer's own
    /// `Date`; nil where it is neither.
    static func duration(_ text: String, date: String?) -> Duration? {
        let text = text.trimmed
        if !text.isEmpty, text.utf8.allSatisfy(\.isDigit) { return min(.seconds(Int(text) ?? .max), self.longest) }
        guard let until = self.seconds(text), let now = date.flatMap({ self.seconds($0.trimmed) }) else { return nil }
        return min(max(.zero, .seconds(until - now)), self.longest)
    }

    /// Seconds since 1970 of an IMF-fixdate.
    private static func seconds(_ text: String) -> Int? {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", let day = Int(parts[1]), let year = Int(parts[3]), (1970...9999).contains(year),
            let month = self.months.firstIndex(of: String(parts[2])), (1...31).contains(day)
        else { return nil }
        let clock = parts[4].split(separator: ":").compactMap { Int($0) }
        guard clock.count == 3, (0...23).contains(clock[0]), (0...59).contains(clock[1]), (0...60).contains(clock[2]) else { return nil }
        // Days since 1970 in years that begin in March, so that a leap day is a year's last.
        let shiftedYear = month < 2 ? year - 1 : year
        let shiftedMonth = (month + 10) % 12
        let days =
            365 * shiftedYear + shiftedYear / 4 - shiftedYear / 100 + shiftedYear / 400 + (153 * shiftedMonth + 2) / 5 + day - 719_469
        return days * 86_400 + clock[0] * 3600 + clock[1] * 60 + clock[2]
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
}
