package import JSON
package import Model
package import Store

/// What is told of the tool calls of an execution that did not come to its own end.
package struct CallReport: Sendable, Hashable {
    /// One call.
    package struct Call: Sendable, Hashable {
        package let sequence: UInt32
        package let address: String
        package let effect: ToolEffect
        package let outcome: CallOutcome

        package init(sequence: UInt32, address: String, effect: ToolEffect, outcome: CallOutcome) {
            self.sequence = sequence
            self.address = address
            self.effect = effect
            self.outcome = outcome
        }
    }

    /// How many calls are told one by one.
    package static let maxListed = 100
    /// How many of them in the text, which models read.
    private static let maxInText = 20

    /// In the order in which they were made, at most ``maxListed``: of more, those that may write and have no answer, then those that may
    /// write, then the others.
    package let listed: [Call]
    /// How many there are.
    package let count: Int
    /// Whether none of them may have changed anything, so that the program can be run again.
    package let isRepeatable: Bool
    /// Whether the execution made no other call that may write, and will make none.
    package let isComplete: Bool

    /// Nothing is known of the calls, so that it is not said that the program can be run again.
    package static let unknown = CallReport([], isRepeatable: false, isComplete: false)

    /// - Parameter isRepeatable: Where it is known otherwise; by default it follows from the calls.
    package init(_ calls: [Call], count: Int? = nil, isRepeatable: Bool? = nil, isComplete: Bool = true) {
        var listed = calls
        if calls.count > Self.maxListed {
            listed.sort { ($0.rank, $0.sequence) < ($1.rank, $1.sequence) }
            listed.removeSubrange(Self.maxListed...)
        }
        self.listed = listed.sorted { $0.sequence < $1.sequence }
        self.count = count ?? calls.count
        self.isRepeatable = isRepeatable ?? calls.allSatisfy { $0.effect == .read || $0.outcome == .notSent }
        self.isComplete = isComplete
    }

    /// What is stored of an execution's calls, of which those are known that may write.
    ///
    /// - Parameter hasEnded: Whether the execution was ended, so that no further call of it can be sent. Before, nothing is repeatable.
    package init(_ calls: ExecutionCalls, hasEnded: Bool) {
        let listed = calls.listed.map { call in
            Call(sequence: call.sequence, address: call.address, effect: call.effect, outcome: call.outcome ?? .outcomeUnknown)
        }
        self.init(listed, count: calls.count, isRepeatable: hasEnded && calls.effectiveCount == 0, isComplete: hasEnded)
    }

    /// `[{sequence, address, effect, outcome}]`.
    package var json: JSONValue {
        .array(
            self.listed.map { call in
                [
                    "sequence": .int(Int(call.sequence)), "address": .string(call.address), "effect": .string(call.effect.rawValue),
                    "outcome": .string(call.outcome.rawValue),
                ]
            })
    }

    /// The section of the text, with the empty line before it; empty when there were no calls.
    var text: String {
        guard self.count > 0 else { return "" }
        var lines = self.listed.prefix(Self.maxInText).map { call in
            "\(call.sequence). \(call.address.prefix(200)) (\(call.effect.rawValue)): \(call.outcome.rawValue)"
        }
        if self.count > lines.count { lines.append("… \(self.count - lines.count) more") }
        return "\n\nCalls:\n" + lines.joined(separator: "\n")
    }
}

extension CallReport.Call {
    fileprivate var rank: Int {
        switch (self.effect, self.outcome) {
        case (.write, .outcomeUnknown): 0
        case (.write, _): 1
        case (.read, _): 2
        }
    }
}
