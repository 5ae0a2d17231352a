import Model
import Store

/// The tool calls of one run, as a value: no I/O and no waiting. ``CallJournal`` performs what it says.
///
/// It is bounded by the number of calls that a program may make.
struct CallLedger {
    /// How far a call has come.
    private enum Phase {
        /// Nothing of it has left: its row is being written.
        case prepared
        /// It may have left, and was not answered.
        case sent
        case ended(CallOutcome)
    }

    private struct Entry {
        let address: ToolAddress
        let effect: ToolEffect
        var phase = Phase.prepared
        /// Whether its end is still to be written. Never true for a read, which has no row.
        var needsNote = false
    }

    private var entries: [UInt32: Entry] = [:]
    private var isClosed = false

    /// Takes a call in; false when the run is over, and for a number that was taken.
    mutating func prepare(_ call: ExecutionCallDraft) -> Bool {
        guard !self.isClosed, self.entries[call.sequence] == nil else { return false }
        self.entries[call.sequence] = Entry(address: call.address, effect: call.effect)
        return true
    }

    /// Lets a call be sent; false when the run is over, so that it must not be.
    mutating func send(_ sequence: UInt32) -> Bool {
        guard !self.isClosed, case .prepared? = self.entries[sequence]?.phase else { return false }
        self.entries[sequence]?.phase = .sent
        return true
    }

    /// Notes what became of a call.
    mutating func end(_ sequence: UInt32, _ outcome: CallOutcome) {
        guard var entry = self.entries[sequence] else { return }
        if case .ended = entry.phase { return }
        entry.phase = .ended(outcome)
        entry.needsNote = entry.effect == .write
        self.entries[sequence] = entry
    }

    /// The ends that are to be written now; they count as written from here on.
    mutating func takeUnwritten() -> [ExecutionCallEnd] {
        var ends: [ExecutionCallEnd] = []
        for (sequence, entry) in self.entries where entry.needsNote {
            guard case .ended(let outcome) = entry.phase else { continue }
            ends.append(ExecutionCallEnd(sequence: sequence, outcome: outcome))
            self.entries[sequence]?.needsNote = false
        }
        return ends.sorted { $0.sequence < $1.sequence }
    }

    /// Takes ends back that were perhaps not written.
    mutating func giveBack(_ ends: [ExecutionCallEnd]) {
        for end in ends { self.entries[end.sequence]?.needsNote = true }
    }

    /// Ends the run: nothing is sent any more, and what was sent without an answer gets none.
    mutating func close() {
        self.isClosed = true
        for (sequence, entry) in self.entries {
            switch entry.phase {
            case .prepared: self.end(sequence, .notSent)
            case .sent: self.end(sequence, .outcomeUnknown)
            case .ended: break
            }
        }
    }

    /// What is told of the calls now.
    var report: CallReport {
        let calls = self.entries.map { sequence, entry in
            let outcome: CallOutcome =
                switch entry.phase {
                case .prepared: .notSent
                case .sent: .outcomeUnknown
                case .ended(let outcome): outcome
                }
            return CallReport.Call(sequence: sequence, address: entry.address.description, effect: entry.effect, outcome: outcome)
        }
        return CallReport(calls)
    }
}
