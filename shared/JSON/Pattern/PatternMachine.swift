/// Runs programs over one text, advancing every live thread by one scalar at a time.
///
/// A thread is nothing but a position in the program, so at most as many live as there are instructions, and no state is visited twice
/// at one place of the text: no pattern can make this exponential. Every visit takes one step off the budget.
struct PatternMachine {
    /// The steps left; negative once they ran out.
    private(set) var budget: Int
    private let programs: [PatternProgram]
    private let text: UnsafeBufferPointer<UInt8>
    /// What look-arounds answered, so that each is asked once per place.
    private var answers: [Question: Bool] = [:]

    private struct Question: Hashable {
        let program: Int
        let position: Int
    }

    /// The steps that asking a look-around takes beside its own: what it answers is kept, and memory is to be bounded too.
    private static let questionCost = 32

    /// The threads alive at one place, each once.
    private struct Threads {
        var list: [Int] = []
        private var generations: [Int]
        private var generation = 1

        init(capacity: Int) { self.generations = [Int](repeating: 0, count: capacity) }

        mutating func clear() {
            self.list.removeAll(keepingCapacity: true)
            self.generation += 1
        }

        /// Tells whether the instruction was not visited before at this place.
        mutating func visit(_ instruction: Int) -> Bool {
            guard self.generations[instruction] != self.generation else { return false }
            self.generations[instruction] = self.generation
            return true
        }
    }

    init(_ programs: [PatternProgram], text: UnsafeBufferPointer<UInt8>, budget: Int) {
        self.programs = programs
        self.text = text
        self.budget = budget
    }

    /// Whether the budget ran out; the answer given then means nothing.
    var isExhausted: Bool { self.budget < 0 }

    /// Whether the last program, which is the whole pattern, matches anywhere in the text.
    mutating func find() -> Bool {
        guard let program = self.programs.last else { return false }
        return self.run(program, from: 0, isAnchored: program.isAnchored)
    }

    /// Runs a program from one place on, trying to start at every later place too unless it is anchored to the first.
    private mutating func run(_ program: PatternProgram, from start: Int, isAnchored: Bool) -> Bool {
        var current = Threads(capacity: program.instructions.count)
        var following = current
        self.budget -= program.instructions.count
        var position = start
        var isFirst = true
        while !self.isExhausted {
            if isFirst || !isAnchored, self.add(0, of: program, at: position, to: &current) { return true }
            isFirst = false
            if isAnchored, current.list.isEmpty { return false }
            guard let (scalar, next) = self.scalar(at: position, isBackward: program.isBackward) else { return false }
            self.budget -= current.list.count + 1
            following.clear()
            for thread in current.list {
                guard case .scalar(let set) = program.instructions[thread], set.contains(scalar) else { continue }
                if self.add(thread + 1, of: program, at: next, to: &following) { return true }
            }
            swap(&current, &following)
            position = next
        }
        return false
    }

    /// Follows a thread through everything that reads no scalar; tells whether it reaches the match.
    private mutating func add(_ instruction: Int, of program: PatternProgram, at position: Int, to threads: inout Threads) -> Bool {
        var pending = [instruction]
        while let instruction = pending.popLast(), !self.isExhausted {
            guard threads.visit(instruction) else { continue }
            self.budget -= 1
            switch program.instructions[instruction] {
            case .match: return true
            case .scalar: threads.list.append(instruction)
            case .jump(let target): pending.append(target)
            case .split(let first, let second): pending += [second, first]
            case .assertion(let assertion):
                if self.holds(assertion, at: position) { pending.append(instruction + 1) }
            case .lookaround(let number, let isNegated):
                if self.ask(number, at: position) != isNegated { pending.append(instruction + 1) }
            }
        }
        return false
    }

    private mutating func ask(_ number: Int, at position: Int) -> Bool {
        let question = Question(program: number, position: position)
        if let answer = self.answers[question] { return answer }
        self.budget -= Self.questionCost
        let answer = self.run(self.programs[number], from: position, isAnchored: true)
        self.answers[question] = answer
        return answer
    }

    private func holds(_ assertion: PatternAssertion, at position: Int) -> Bool {
        switch assertion {
        case .start: return position == 0
        case .end: return position == self.text.count
        case .wordBoundary, .notWordBoundary:
            let isWordBefore = self.scalar(at: position, isBackward: true).map { ScalarSet.word.contains($0.value) } ?? false
            let isWordAfter = self.scalar(at: position, isBackward: false).map { ScalarSet.word.contains($0.value) } ?? false
            return (isWordBefore != isWordAfter) == (assertion == .wordBoundary)
        }
    }

    /// The scalar that stands before or behind a place, and the place on its other side. The text is a Swift string's, so it is
    /// well-formed.
    @inline(__always)
    private func scalar(at position: Int, isBackward: Bool) -> (value: UInt32, next: Int)? {
        var start = position
        if isBackward {
            guard position > 0 else { return nil }
            repeat { start -= 1 } while self.text[start] & 0xC0 == 0x80
        } else {
            guard position < self.text.count else { return nil }
        }
        let lead = self.text[start]
        guard lead >= 0x80 else { return (UInt32(lead), isBackward ? start : start + 1) }
        let length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2
        var value = UInt32(lead) & (0x7F >> UInt32(length))
        for index in start + 1..<start + length { value = value << 6 | UInt32(self.text[index] & 0x3F) }
        return (value, isBackward ? start : start + length)
    }
}
