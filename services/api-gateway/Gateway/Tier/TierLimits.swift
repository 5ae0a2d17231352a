import Installation
import SessionAPI

/// The bounds and times of the session tier as a gateway sees it.
struct TierLimits: Sendable {
    /// How long a message waits for a replica that takes it. More than a lease, so that it outlasts the death of its session's owner.
    var replicaWait: Duration = .milliseconds(7_500)
    /// How many messages wait for a replica at once; what comes beyond is refused at once.
    var maxWaiting = 2_000
    /// How many clients that come back to listen wait for a replica at once: as many as one replica has streams. They have a bound of their
    /// own, because all those of a replica that died come back together and must not take the messages' room.
    var maxWaitingListeners = 10_000
    /// The first pause before a replica that answered "not me", or "not now", is asked again; it doubles each time.
    var retryPause: Duration = .milliseconds(100)
    /// The longest such pause.
    var maxRetryPause: Duration = .seconds(1)
    /// The pause between looks at the registry while anybody waits: one look for all who wait.
    var lookInterval: Duration = .milliseconds(100)
    /// How long the database may take to say who owns a session; then whichever replica is asked knows, or takes it.
    var lookUpTimeout: Duration = .seconds(2)
    /// How old a reading of the registry may be for it to say who lives.
    var registryAge: Duration = .seconds(3)
    /// How much older than the newest a replica's heartbeat may be for it to get new sessions.
    var placementAge: Duration = .milliseconds(2_500)
    /// How long after a replica left the registry its calls in flight are cut. One that stopped in good order has ended them before, and
    /// one that lost its lease for a moment registers again within this time.
    var cutDelay: Duration = .seconds(1)
    /// The first pause before a replica that failed is probed; it doubles each time.
    var probePause: Duration = .milliseconds(50)
    /// The longest such pause.
    var maxProbePause: Duration = .seconds(2)
    /// How long the answer to a probe may take.
    var probeTimeout: Duration = .seconds(2)
    /// How long anything but a tool call may take, its wait for a replica included.
    var answerTimeout: Duration = .seconds(9)
    /// How long a tool call may take, its wait for a replica included.
    var callTimeout: Duration = .seconds(3660)
    /// Bytes of answers that wait for their clients; answers beyond that end in an error that says so.
    var maxUnreadBytes = 256 << 20
    /// How many replicas are kept connected.
    var maxReplicas = 256
    /// How many sessions' owners are remembered.
    var maxKnownSessions = 100_000
    /// What is spoken with session-services; only tests of two versions side by side have another one.
    var contract = ContractVersion.current

    init() {}

    init(_ settings: GatewaySettings, speaking contract: ContractVersion = .current) {
        self.contract = contract
        self.replicaWait = settings.replicaWait
        self.maxWaiting = settings.maxWaiting
        self.maxWaitingListeners = settings.maxWaitingListeners
        self.answerTimeout = settings.answerTimeout
        self.callTimeout = settings.callTimeout
        self.maxUnreadBytes = settings.maxUnreadBytes
        self.maxReplicas = settings.maxReplicas
        self.maxKnownSessions = settings.maxKnownSessions
    }
}
