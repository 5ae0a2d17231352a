package import MCP
package import Store

/// The bounds of one session-service.
///
/// Configuration keys (`roost.sessions.<name>`): the names in parentheses.
package struct SessionLimits: Sendable, Hashable {
    /// What is read from a client, and how many calls a session has in flight.
    package var mcp = MCPLimits()
    /// Sessions in memory (`max_in_memory`, 20,000). Beyond it the one unused longest is suspended; its row stays.
    package var maxInMemory = 20_000
    /// Open sessions of one account (`max_per_account`, 1,000). Beyond it those that were idle for ``reclaimAfter`` are closed, because
    /// most clients never close theirs; when there are none, a new one is refused.
    package var maxPerAccount = 1_000
    /// How long a session must have been idle before it may be closed to make room for another (`reclaim_after`, 1 h).
    package var reclaimAfter: Duration = .seconds(3600)
    /// Calls in flight in this process (`max_calls`, 2,000); beyond it calls are refused before they begin.
    package var maxCalls = 2_000
    /// How long a session stays in memory without a message or a call (`suspend_after`, 5 min). Its row stays and brings it back.
    package var suspendAfter: Duration = .seconds(300)
    /// How long taking a session over may take (`restore_timeout`, 3 s); then its message is refused, and may go elsewhere.
    package var restoreTimeout: Duration = .seconds(3)
    /// How often idle sessions are looked for (`sweep_interval`, 30 s).
    package var sweepInterval: Duration = .seconds(30)
    /// How often the database is asked which sessions others have closed, where nobody told (`watch_interval`, 1 s).
    package var watchInterval: Duration = .seconds(1)
    /// How often use of a session is noted in its row (`touch_interval`, 60 s).
    package var touchInterval: Duration = .seconds(60)
    /// How long the row of a closed session is kept (`closed_retention`, 24 h).
    package var closedRetention: Duration = .seconds(86_400)
    /// How long an unused session stays open (`idle_retention`, 30 days).
    package var idleRetention: Duration = .seconds(30 * 86_400)
    /// How often rows beyond their retention are removed (`purge_interval`, 60 s).
    package var purgeInterval: Duration = .seconds(60)
    /// How long an answer may take until it becomes a stream (`event_delay`, 500 ms). Until then it can still be plain JSON, which is less
    /// work for everybody, with a status of its own.
    package var eventDelay: Duration = .milliseconds(500)
    /// How often a stream that has nothing to say sends a comment (`keep_alive_interval`, 15 s).
    package var keepAliveInterval: Duration = .seconds(15)
    /// How long a client may take to read one event of its answer (`delivery_timeout`, 60 s); then its stream is cut.
    package var deliveryTimeout: Duration = .seconds(60)
    /// How long one call may take altogether (`call_timeout`, 15 min): the last resort behind the engine's own limits.
    package var callTimeout: Duration = .seconds(900)
    /// How long before its time is up a call is stopped, so that the answer that says so still arrives (`answer_margin`, 2 s; never more
    /// than half of the time).
    package var answerMargin: Duration = .seconds(2)
    /// The largest answer that is sent as plain JSON (`max_whole_answer_bytes`, 256 KiB). A larger one is a stream, which takes no memory
    /// in the gateway while the client does not read.
    package var maxWholeAnswerBytes = 256 << 10
    /// Bytes of answers in this process that wait for their clients (`max_unread_bytes`, 256 MiB); answers beyond that are dropped with an
    /// error that says so. Small answers do not count.
    package var maxUnreadBytes = 256 << 20
    /// Streams for what belongs to no request, in this process (`max_streams`, 10,000); beyond it 503.
    package var maxStreams = 10_000
    /// The same of one session (`max_streams_per_session`, 4). Beyond it the oldest ends, which its client most likely lost.
    package var maxStreamsPerSession = 4
    /// When a client is to come back whose stream ends because the process stops (`coming_back_delay`, 1 s).
    package var comingBackDelay: Duration = .seconds(1)
    /// What is kept of calls for clients that lose their streams: answers for `replay_retention` (5 min), of `max_replay_bytes` (1 MiB)
    /// each and
    /// `max_session_replay_bytes` (4 MiB) of one session; and 500 streams of one session.
    package var replay = SessionStreamBounds()
    /// How long the client of a call waits for what is written so that it can come back (`replay_write_timeout`, 2 s); afterwards it gets
    /// the answer all the same.
    package var replayWriteTimeout: Duration = .seconds(2)
    /// How long a call may take to end by itself, with an answer that says more, once its session's lease ended (`orphan_delay`, 300 ms; it
    /// must be less than the margin by which a process gives its lease up before others may have it).
    package var orphanDelay: Duration = .milliseconds(300)
    /// How long a call that was stopped waits for its tool's work to end and to say what was done (`ending_grace`, 1 s). Its client is told
    /// without it then; only work that hangs, on the database most often, takes so long.
    package var endingGrace: Duration = .seconds(1)
    /// How long calls in flight may go on once the process drains (`drain_timeout`, 20 s); then they end in a typed error.
    package var drainTimeout: Duration = .seconds(20)

    package init() {}

    /// The bounds of what is kept, with rows that outlive every call.
    var replayBounds: SessionStreamBounds {
        var bounds = self.replay
        bounds.lifetime = self.callTimeout + self.replay.retention
        return bounds
    }
}
