import Database
package import Model

/// One stream of a session that its client was given an event id for, and the answer that ends it.
package struct SessionStreamRecord: Sendable, Hashable {
    /// How far the stream is.
    package enum State: String, Sendable, Hashable, CaseIterable, DatabaseConvertible {
        /// The call runs, as long as its owner lives.
        case open
        /// The answer is there.
        case answered
        /// There was an answer, but no room to keep it.
        case dropped
        /// The client wanted no answer any more.
        case silent
    }

    package let id: SessionStreamID
    /// The id of the request that the stream answers, as JSON.
    package let request: String
    /// What the call's execution is called, if it began one.
    package let execution: ExecutionID
    /// The process that runs the call or ran it.
    package let owner: ReplicaLease
    package let state: State
    /// The number of the answer among the stream's events; of the first one while it is open.
    package let sequence: Int64
    /// The message that ends the stream; nil unless it is answered.
    package let answer: [UInt8]?
    /// The form in which it was written, see ``RecordVersions``.
    package let version: Int64
}

/// How a stream ended.
package enum SessionStreamEnd: Sendable {
    /// In this message, the stream's event of this number.
    case answer([UInt8], sequence: Int64)
    /// In an answer that cannot be kept.
    case dropped
    /// In nothing, because the client wants no answer.
    case silent
}

/// How much of a session's streams is kept.
package struct SessionStreamBounds: Sendable, Hashable {
    /// Rows of one session.
    package var maxStreams = 500
    /// Bytes of one answer.
    package var maxAnswerBytes = 1 << 20
    /// Bytes of all answers of one session.
    package var maxSessionBytes = 4 << 20
    /// How long a stream may stay open before its row is removed; longer than any call.
    package var lifetime: Duration = .seconds(1200)
    /// How long an answer is kept.
    package var retention: Duration = .seconds(300)

    package init() {}
}
