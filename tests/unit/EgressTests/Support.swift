import Egress
import Logging
import Synchronization
import TestSupport

/// Answers each name from a script: the first answer for the first question, and the last for ever after.
final class ScriptedResolver: AddressResolver {
    struct UnknownName: Error {}

    private let answers: [String: [[String]]]
    private let asked = Mutex<[String]>([])

    init(_ answers: [String: [[String]]]) { self.answers = answers }

    /// The names that were looked up, in order.
    var questions: [String] { self.asked.withLock { $0 } }

    func addresses(of name: String) async throws -> [IPAddress] {
        let earlier = self.asked.withLock { asked in
            defer { asked.append(name) }
            return asked.count { $0 == name }
        }
        guard let answers = self.answers[name], let last = answers.last else { throw UnknownName() }
        return (earlier < answers.count ? answers[earlier] : last).compactMap(IPAddress.init)
    }
}

/// A resolver that answers nothing until its caller gives up.
struct StalledResolver: AddressResolver {
    func addresses(of name: String) async throws -> [IPAddress] {
        try await Task.sleep(for: .seconds(3600))
        return []
    }
}

extension EgressLimits {
    /// The defaults, but for a time to connect that a busy machine does not exceed.
    static let patient: EgressLimits = {
        var limits = EgressLimits()
        limits.connectTimeout = .seconds(30)
        return limits
    }()
}

extension EgressClient {
    /// Runs `body` with a client and closes it afterwards.
    static func run<Answer: Sendable>(
        limits: EgressLimits = .patient, allow: [String] = [], trusting roots: [String] = [], publicly: [String] = [],
        resolver: (any AddressResolver)? = nil, _ body: (EgressClient) async throws -> Answer
    ) async throws -> Answer {
        let client = try EgressClient(
            limits: limits, allowList: EgressAllowList(allow), additionalTrustRoots: roots,
            policy: .publicInternet(and: Set(publicly.compactMap(IPAddress.init))), resolver: resolver, logger: Logger(label: "test"))
        do {
            let answer = try await body(client)
            await client.shutdown()
            return answer
        } catch {
            await client.shutdown()
            throw error
        }
    }

    /// The error that sending the request ends with.
    func failure(_ request: EgressRequest) async -> EgressError? {
        do {
            _ = try await self.send(request)
            return nil
        } catch {
            return error
        }
    }
}

/// Answers every request with its own line, and records it.
func echo(_ requests: Recorder<ScriptedConnection.Request>) -> @Sendable (inout ScriptedConnection) async throws -> Void {
    { connection in
        while let request = try await connection.readRequest() {
            requests.record(request)
            try await connection.answer(body: request.line)
        }
    }
}

extension EgressResponse {
    var text: String { String(decoding: self.body, as: UTF8.self) }
}
