/// What was sent and is not answered, in order.
struct PostgreSQLPipeline {
    /// One request, from its first command to its sync.
    struct Slot {
        /// The commands that a request is made of, each with a result of its own.
        enum Step: Equatable {
            /// DEALLOCATE, BEGIN, the organization: nothing to keep.
            case prelude
            /// PREPARE, of the statement with this name.
            case prepare(name: String)
            case statement
        }

        let request: PostgreSQLRequest
        let steps: [Step]
        /// The name of the prepared statement that is executed.
        let statementName: String?
        /// How often it was sent before.
        let attempt: Int
        /// How many steps are answered.
        var answered = 0
        /// The answer to the statement itself.
        var result: PostgreSQLResult?
        /// The first error; everything after it was skipped.
        var failure: PostgreSQLResult?
        /// Whether a cancellation that was meant for another statement may have hit it.
        var mayBeVictim = false

        var step: Step? { self.answered < self.steps.count ? self.steps[self.answered] : nil }
    }

    private var slots: [Slot] = []
    private var head = 0

    var isEmpty: Bool { self.head == self.slots.count }
    var count: Int { self.slots.count - self.head }

    /// The request whose answer comes next.
    var first: Slot? {
        get { self.isEmpty ? nil : self.slots[self.head] }
        set {
            if let newValue, !self.isEmpty { self.slots[self.head] = newValue }
        }
    }

    mutating func append(_ slot: Slot) { self.slots.append(slot) }

    mutating func removeFirst() {
        self.head += 1
        if self.head == self.slots.count {
            self.slots.removeAll(keepingCapacity: true)
            self.head = 0
        } else if self.head >= 64 {
            self.slots.removeFirst(self.head)
            self.head = 0
        }
    }

    /// A cancellation was delivered, and hits whatever the server does at that moment.
    mutating func markVictims() {
        for index in self.head..<self.slots.count { self.slots[index].mayBeVictim = true }
    }

    /// Everything that is not answered; nothing is left.
    mutating func removeAll() -> [Slot] {
        defer {
            self.slots = []
            self.head = 0
        }
        return Array(self.slots[self.head...])
    }
}
