#if canImport(Glibc)
private import Glibc
#else
private import Darwin
#endif

/// A moment in microseconds since 1970-01-01T00:00:00Z, the only form in which time is stored.
package struct Timestamp: Sendable, Hashable, Comparable {
    /// Microseconds since the Unix epoch, in UTC.
    package var microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }

    /// The wall clock's time. Use a monotonic clock for deadlines inside a process.
    package static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    /// The moment that is `duration` later; parts below a microsecond are dropped.
    package func advanced(by duration: Duration) -> Timestamp {
        let (seconds, attoseconds) = duration.components
        return Timestamp(microseconds: self.microseconds + seconds * 1_000_000 + attoseconds / 1_000_000_000_000)
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.microseconds < right.microseconds }
}

extension Timestamp: CustomStringConvertible {
    /// RFC 3339 in UTC with microseconds: `2026-11-22T15:04:05.123456Z`.
    package var description: String {
        let (days, withinDay) = self.microseconds.flooredDivision(by: 86_400_000_000)
        let date = CivilDate(daysSinceEpoch: days)
        let seconds = withinDay / 1_000_000
        let day = "\(date.year.padded(4))-\(date.month.padded(2))-\(date.day.padded(2))"
        let time = "\((seconds / 3600).padded(2)):\((seconds / 60 % 60).padded(2)):\((seconds % 60).padded(2))"
        return "\(day)T\(time).\((withinDay % 1_000_000).padded(6))Z"
    }
}

extension Timestamp {
    /// The date of HTTP (RFC 9110, section 5.6.7): `Sun, 22 Nov 2026 15:04:05 GMT`.
    package var httpDate: String {
        let (days, withinDay) = self.microseconds.flooredDivision(by: 86_400_000_000)
        let date = CivilDate(daysSinceEpoch: days)
        let seconds = withinDay / 1_000_000
        // The first of January 1970 was a Thursday.
        let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][Int(days.flooredDivision(by: 7).remainder)]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let day = "\(date.day.padded(2)) \(months[Int(date.month) - 1]) \(date.year.padded(4))"
        return "\(weekday), \(day) \((seconds / 3600).padded(2)):\((seconds / 60 % 60).padded(2)):\((seconds % 60).padded(2)) GMT"
    }
}

/// A day of the proleptic Gregorian calendar, computed without Foundation, whose calendar would add 60 MB to a static binary.
private struct CivilDate {
    let year: Int64
    let month: Int64
    let day: Int64

    /// Counts in 400-year eras that begin on the first of March, so that the leap day is the last of its year.
    init(daysSinceEpoch: Int64) {
        let (era, dayOfEra) = (daysSinceEpoch + 719_468).flooredDivision(by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        self.day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        self.month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        self.year = yearOfEra + era * 400 + (self.month <= 2 ? 1 : 0)
    }
}

extension Int64 {
    fileprivate func flooredDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = self.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    /// In decimal digits, with zeros in front up to the width.
    fileprivate func padded(_ width: Int) -> String {
        let digits = String(self)
        return String(repeating: "0", count: Swift.max(0, width - digits.count)) + digits
    }
}
