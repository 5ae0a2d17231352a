import Model
import Synchronization

/// The value of `Date` (RFC 9110, section 6.6.1), made once a second.
enum HTTPDate {
    private static let current = Mutex<(second: Int64, text: String)>((-1, ""))

    /// The date now.
    static func now() -> String {
        let now = Timestamp.now()
        let second = now.microseconds / 1_000_000
        return self.current.withLock { current in
            if current.second != second { current = (second, now.httpDate) }
            return current.text
        }
    }
}
