/// How long to wait before starting again what keeps dying: twice as long each time, up to a bound, and from the beginning after it has
/// worked for a while.
struct Backoff {
    private static let shortest = Duration.milliseconds(50)
    private static let longest = Duration.seconds(5)
    /// How long something must have run for its death not to count as another failure to start.
    private static let provenAfter = Duration.seconds(10)

    private var next = Self.shortest

    /// The delay after something that had run for `lifetime` died.
    mutating func delay(afterLifetime lifetime: Duration) -> Duration {
        if lifetime >= Self.provenAfter { self.next = Self.shortest }
        defer { self.next = min(self.next * 2, Self.longest) }
        return self.next
    }
}
