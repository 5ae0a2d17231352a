/// Who may run: how many compute, how many wait for an answer, and who waits to start. Values only; ``Admission`` performs it.
///
/// Everybody who has a seat counts against `maxSeats`; of them, those who do not wait count against `maxRunning`. A run that goes on after
/// waiting goes on at once, so that `running` may pass `maxRunning` for a while: new runs then wait until it is below again.
struct AdmissionState {
    /// What a request to start gets.
    enum Decision: Equatable {
        case admitted
        case queued
        case refused
    }

    private let maxRunning: Int
    private let maxSeats: Int
    private let maxQueued: Int
    /// Runs that compute.
    private(set) var running = 0
    /// Runs that wait for an answer or a timer.
    private(set) var waiting = 0
    /// The keys of those who wait to start, first come first served.
    private(set) var queue: [Int] = []

    init(maxRunning: Int, maxSeats: Int, maxQueued: Int) {
        self.maxRunning = maxRunning
        self.maxSeats = maxSeats
        self.maxQueued = maxQueued
    }

    /// Asks for a seat.
    mutating func enter(key: Int) -> Decision {
        if self.queue.isEmpty, self.hasRoom {
            self.running += 1
            return .admitted
        }
        // Those who queue will want a seat too: whoever could not get one soon hears so at once.
        guard self.queue.count < self.maxQueued, self.running + self.waiting < self.maxSeats else { return .refused }
        self.queue.append(key)
        return .queued
    }

    /// Gives up waiting to start; false when the seat was given in the meantime.
    mutating func giveUp(key: Int) -> Bool {
        guard let index = self.queue.firstIndex(of: key) else { return false }
        self.queue.remove(at: index)
        return true
    }

    /// A run began or ceased to wait for the host. Returns who may start now.
    mutating func setWaiting(_ isWaiting: Bool) -> [Int] {
        self.running += isWaiting ? -1 : 1
        self.waiting += isWaiting ? 1 : -1
        return self.admitNext()
    }

    /// A run left. Returns who may start now.
    mutating func leave(isWaiting: Bool) -> [Int] {
        if isWaiting { self.waiting -= 1 } else { self.running -= 1 }
        return self.admitNext()
    }

    private var hasRoom: Bool { self.running < self.maxRunning && self.running + self.waiting < self.maxSeats }

    private mutating func admitNext() -> [Int] {
        var admitted: [Int] = []
        while self.hasRoom, !self.queue.isEmpty {
            admitted.append(self.queue.removeFirst())
            self.running += 1
        }
        return admitted
    }
}
