import Model

/// Tells by the heartbeats of a process whether it still lived when one began to look.
///
/// One renewal may have been on its way when the process died, for as long as the database took to get to it; as a process sends the next
/// only when the last was answered, a second one proves that it lives.
struct SignsOfLife {
    private var last: Timestamp?
    private var renewals = 0

    /// Takes in what is stored now; true once it was seen to be renewed twice.
    mutating func sees(_ heartbeat: Timestamp) -> Bool {
        if let last = self.last, heartbeat > last { self.renewals += 1 }
        self.last = heartbeat
        return self.renewals >= 2
    }
}
