/// When one connection asks its server to stop a statement that nobody waits for.
struct PostgreSQLCancelling {
    private enum State {
        case idle
        /// Until it is asked.
        case pausing
        /// It is being asked. From here on until it has been delivered it may hit anything.
        case underWay
    }

    /// How long a statement that was given up may keep a shared connection before it is cancelled; most end by themselves before.
    private static let sharedPause = Duration.milliseconds(50)
    private static let firstRepetition = Duration.milliseconds(20)
    private static let maxPause = Duration.seconds(1)

    private var state = State.idle
    private var target: PostgreSQLRequest?
    private var repetitions = 0

    /// Whether a cancellation may hit what the server does now.
    var isUnderWay: Bool { self.state == .underWay }

    /// The server is at a statement that was given up: how long to let it go on before it is asked to stop. Nil when that is seen to
    /// already.
    mutating func begin(_ request: PostgreSQLRequest) -> Duration? {
        guard self.state == .idle else { return nil }
        self.state = .pausing
        guard self.target === request else {
            self.target = request
            self.repetitions = 0
            return request.role.isShared ? Self.sharedPause : .zero
        }
        // The last one came to nothing: it came before the server had begun with the statement, or could not be delivered.
        self.repetitions += 1
        return min(Self.firstRepetition * (1 << min(self.repetitions - 1, 10)), Self.maxPause)
    }

    /// It is asked now.
    mutating func send() { self.state = .underWay }

    /// It was asked, or the statement had ended before.
    mutating func end() { self.state = .idle }
}
