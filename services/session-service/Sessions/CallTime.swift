/// How long one call may take: the process's bound, or what the gateway's client has left, whichever is less.
struct CallTime: Sendable, Hashable {
    /// When its stack is to have ended it, with an answer that says so.
    let stack: Duration
    /// When it is given up on, because its stack did not end it. The rest of the time is for the answer's way.
    let whole: Duration

    init(stack: Duration, whole: Duration) {
        self.stack = stack
        self.whole = whole
    }

    init(_ limits: SessionLimits, remaining: Duration?) {
        let time = min(limits.callTimeout, remaining ?? limits.callTimeout)
        let margin = min(limits.answerMargin, time / 2)
        self.stack = time - margin
        self.whole = time - margin / 2
    }
}
