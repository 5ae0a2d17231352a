import Foundation

/// The course of one soak: which processes there are, what they have said, and when to end one of them.
struct Soak {
    /// The four ways in which a process ends, in the order in which they are used.
    private enum End: Int, CaseIterable {
        case killServer, stopClient, stopServer, killClient
    }

    private let requests: Int
    private let restarts: Int
    private let workers: Int
    private let isUnaryOnly: Bool
    private let events: AsyncStream<ChildEvent>
    private let continuation: AsyncStream<ChildEvent>.Continuation
    private var nextID = 0
    private var server: Child?
    private var client: Child?
    private var port = 0
    /// The tallies of clients that have ended, and the latest of the one that runs.
    private var past = Tally()
    private var current = Tally()
    private(set) var restartsDone = 0
    private(set) var clientCPU = 0
    private(set) var serverCPU = 0
    private var isFinishing = false

    init(requests: Int, restarts: Int, workers: Int, isUnaryOnly: Bool) {
        self.requests = requests
        self.restarts = restarts
        self.workers = workers
        self.isUnaryOnly = isUnaryOnly
        // Children say something ten times a second; far more than that fits in here.
        (self.events, self.continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(10_000))
    }

    /// Everything that clients have reported.
    var total: Tally { self.past + self.current }

    /// Runs to the end; false if that did not come in time.
    mutating func run(until deadline: ContinuousClock.Instant) async throws -> Bool {
        let continuation = self.continuation
        let clock = Task {
            while (try? await Task.sleep(for: .seconds(1))) != nil { continuation.yield(.tick) }
        }
        defer { clock.cancel() }
        try self.startServer()
        for await event in self.events {
            switch event {
            case .line(let child, let line): try self.receive(line, from: child)
            case .ended(let child, _):
                if try self.ended(child) { return true }
            case .tick: break
            }
            if ContinuousClock.now > deadline {
                self.server?.send(SIGKILL)
                self.client?.send(SIGKILL)
                return false
            }
        }
        return false
    }

    private mutating func receive(_ line: String, from child: Int) throws {
        if line.hasPrefix("listening "), let port = Int(line.dropFirst(10)) {
            self.port = port
            if self.client == nil { try self.startClient() }
        } else if line.hasPrefix("failures ") {
            print("client \(child) \(line)")
        } else if let tally = Tally(line: line) {
            if child == self.client?.id {
                self.current = tally
                try self.restartIfDue()
            } else {
                self.serverCPU += tally.cpu
            }
        }
    }

    /// A child has ended, because it was told to or because it is done. True when the whole soak is.
    private mutating func ended(_ child: Int) throws -> Bool {
        if child == self.client?.id {
            self.clientCPU += self.current.cpu
            self.past = self.total
            self.current = Tally()
            self.client = nil
            if self.past.lost > 0 || self.past.requests >= self.requests {
                guard self.server != nil else { return true }
                self.isFinishing = true
                self.server?.send(SIGTERM)
            } else {
                try self.startClient()
            }
        } else if child == self.server?.id {
            self.server = nil
            if self.isFinishing { return true }
            try self.startServer()
        }
        return false
    }

    /// Ends a process when as many requests have been made as belong between two restarts.
    private mutating func restartIfDue() throws {
        guard self.restartsDone < self.restarts, self.server != nil, self.client != nil,
            self.total.requests >= (self.restartsDone + 1) * self.requests / (self.restarts + 1)
        else { return }
        let end = End.allCases[self.restartsDone % End.allCases.count]
        self.restartsDone += 1
        switch end {
        case .killServer: self.server?.send(SIGKILL)
        case .stopServer: self.server?.send(SIGTERM)
        case .killClient: self.client?.send(SIGKILL)
        case .stopClient: self.client?.send(SIGTERM)
        }
        print("\(self.total.requests) requests, restart \(self.restartsDone): \(end)")
    }

    private mutating func startServer() throws {
        self.nextID += 1
        self.server = try Child(id: self.nextID, arguments: ["serve", "--port", "\(self.port)"], events: self.continuation)
    }

    private mutating func startClient() throws {
        self.nextID += 1
        let left = self.requests - self.total.requests
        var arguments = ["drive", "--port", "\(self.port)", "--requests", "\(left)", "--workers", "\(self.workers)"]
        if self.isUnaryOnly { arguments.append("--unary-only") }
        self.client = try Child(id: self.nextID, arguments: arguments, events: self.continuation)
    }
}
