/// One instruction of the machine; the numbers are positions of other instructions.
enum PatternInstruction: Sendable {
    /// Goes on behind one scalar of the set.
    case scalar(ScalarSet)
    /// Goes on at both places.
    case split(Int, Int)
    case jump(Int)
    /// Goes on if the condition holds here.
    case assertion(PatternAssertion)
    /// Goes on if the program with this number matches here, or, negated, does not.
    case lookaround(Int, isNegated: Bool)
    case match
}

/// A compiled pattern, or one of the look-arounds in it.
struct PatternProgram: Sendable {
    var instructions: [PatternInstruction] = []
    /// Whether the text is read from its end to its start, as look-behind does.
    var isBackward = false
    /// Whether a match can begin only at the start of the text, so that no other place need be tried.
    var isAnchored = false
}

/// Turns syntax into instructions by Thompson's construction.
struct PatternCompiler {
    private let maxInstructions: Int
    /// The instructions emitted and the pieces of syntax walked over, so that repeating nothing a million times costs too.
    private(set) var instructionCount = 0
    /// The programs of look-arounds, each before those that it is part of; the whole pattern's is the last.
    private(set) var programs: [PatternProgram] = []

    init(maxInstructions: Int) { self.maxInstructions = maxInstructions }

    /// Compiles a whole pattern, or a look-around, and gives its program's number.
    @discardableResult
    mutating func compile(_ syntax: PatternSyntax, isBackward: Bool = false) throws(PatternError) -> Int {
        var program = PatternProgram(isBackward: isBackward, isAnchored: syntax.startsAtStart)
        try self.append(syntax, to: &program)
        try self.emit(.match, to: &program)
        self.programs.append(program)
        return self.programs.count - 1
    }

    private mutating func emit(_ instruction: PatternInstruction, to program: inout PatternProgram) throws(PatternError) {
        try self.count()
        program.instructions.append(instruction)
    }

    private mutating func count() throws(PatternError) {
        self.instructionCount += 1
        guard self.instructionCount <= self.maxInstructions else {
            throw PatternError(
                message: "the pattern takes more than \(self.maxInstructions) instructions; use smaller repetitions", offset: 0)
        }
    }

    private mutating func append(_ syntax: PatternSyntax, to program: inout PatternProgram) throws(PatternError) {
        try self.count()
        switch syntax {
        case .empty: break
        case .scalar(let set): try self.emit(.scalar(set), to: &program)
        case .assertion(let assertion): try self.emit(.assertion(assertion), to: &program)
        case .sequence(let terms):
            for term in program.isBackward ? terms.reversed() : terms { try self.append(term, to: &program) }
        case .alternatives(let alternatives): try self.append(alternatives: alternatives, to: &program)
        case .repetition(let body, let minimum, let maximum):
            for _ in 0..<minimum { try self.append(body, to: &program) }
            if let maximum {
                try self.append(optional: body, count: maximum - minimum, to: &program)
            } else {
                try self.append(loop: body, to: &program)
            }
        case .lookaround(let body, let isBehind, let isNegated):
            let number = try self.compile(body, isBackward: isBehind)
            try self.emit(.lookaround(number, isNegated: isNegated), to: &program)
        }
    }

    private mutating func append(alternatives: [PatternSyntax], to program: inout PatternProgram) throws(PatternError) {
        var jumps: [Int] = []
        for (index, alternative) in alternatives.enumerated() {
            guard index < alternatives.count - 1 else {
                try self.append(alternative, to: &program)
                break
            }
            let split = program.instructions.count
            try self.emit(.split(split + 1, split), to: &program)
            try self.append(alternative, to: &program)
            jumps.append(program.instructions.count)
            try self.emit(.jump(split), to: &program)
            program.instructions[split] = .split(split + 1, program.instructions.count)
        }
        for jump in jumps { program.instructions[jump] = .jump(program.instructions.count) }
    }

    /// Emits `count` copies, each of which may leave to the end of all.
    private mutating func append(optional body: PatternSyntax, count: Int, to program: inout PatternProgram) throws(PatternError) {
        var splits: [Int] = []
        for _ in 0..<count {
            splits.append(program.instructions.count)
            try self.emit(.jump(0), to: &program)
            try self.append(body, to: &program)
        }
        for split in splits { program.instructions[split] = .split(split + 1, program.instructions.count) }
    }

    private mutating func append(loop body: PatternSyntax, to program: inout PatternProgram) throws(PatternError) {
        let split = program.instructions.count
        try self.emit(.jump(0), to: &program)
        try self.append(body, to: &program)
        try self.emit(.jump(split), to: &program)
        program.instructions[split] = .split(split + 1, program.instructions.count)
    }
}

extension PatternSyntax {
    /// Whether every match begins with `^`.
    fileprivate var startsAtStart: Bool {
        switch self {
        case .assertion(.start): true
        case .sequence(let terms): terms.first?.startsAtStart ?? false
        case .alternatives(let alternatives): alternatives.allSatisfy(\.startsAtStart)
        default: false
        }
    }
}
