/// The best of many hits, and how many there were: only so many are ever held as are asked for.
struct BestHits {
    struct Hit: Sendable {
        let score: Int
        let place: Int
        let position: Int

        /// Whether it stands before another: the better first, then in the order of places and positions.
        func stands(before other: Hit) -> Bool { (other.score, self.place, self.position) < (self.score, other.place, other.position) }
    }

    private let maxCount: Int
    /// A heap, the last of them at its top.
    private var heap: [Hit] = []
    /// How many there were.
    private(set) var total = 0

    init(maxCount: Int) { self.maxCount = max(0, maxCount) }

    /// The best in order.
    var sorted: [Hit] { self.heap.sorted { $0.stands(before: $1) } }

    /// Whether a hit would be among the best if it were added now; one that stands no better than it never is.
    func wouldKeep(_ hit: Hit) -> Bool {
        guard self.heap.count == self.maxCount else { return true }
        return self.heap.first.map { hit.stands(before: $0) } ?? false
    }

    /// Counts a hit that is not among the best.
    mutating func count() { self.total += 1 }

    mutating func add(_ hit: Hit) {
        self.total += 1
        guard self.wouldKeep(hit) else { return }
        if self.heap.count < self.maxCount {
            self.heap.append(hit)
            self.rise()
        } else {
            self.heap[0] = hit
            self.sink()
        }
    }

    private mutating func rise() {
        var index = self.heap.count - 1
        while index > 0 {
            let parent = (index - 1) / 2
            guard self.heap[parent].stands(before: self.heap[index]) else { return }
            self.heap.swapAt(parent, index)
            index = parent
        }
    }

    private mutating func sink() {
        var index = 0
        while true {
            var last = index
            for child in [2 * index + 1, 2 * index + 2] where child < self.heap.count && self.heap[last].stands(before: self.heap[child]) {
                last = child
            }
            guard last != index else { return }
            self.heap.swapAt(last, index)
            index = last
        }
    }
}
