import Egress
import Model
import OpenAPI
import Synchronization

/// Answers requests in the place of the guarded client, and remembers them.
final class FakeUpstream: UpstreamSending {
    /// What is sent, as far as it can be seen from outside the egress module.
    struct Sent: Sendable {
        let method: String
        let headers: [String: String]
        let secretHeaders: [String: String]
        let secretQuery: [String: String]
        let body: String?
        /// How the request prints, which names where it goes.
        let destination: String
    }

    private let log = Mutex<[Sent]>([])
    private let answer: @Sendable (EgressRequest) async throws(EgressError) -> EgressResponse

    init(_ answer: @escaping @Sendable (EgressRequest) async throws(EgressError) -> EgressResponse) { self.answer = answer }

    /// Always gives the same JSON.
    convenience init(status: Int = 200, json: String, headers: [(name: String, value: String)] = []) {
        self.init { _ in
            EgressResponse(
                status: status, headers: [("content-type", "application/json")] + headers, body: Array(json.utf8), url: "https://api.test/")
        }
    }

    var sent: [Sent] { self.log.withLock { $0 } }

    func send(_ request: EgressRequest) async throws(EgressError) -> EgressResponse {
        let destination = Mirror(reflecting: request).children.first { $0.label == "destination" }.map { "\($0.value)" } ?? ""
        self.log.withLock {
            $0.append(
                Sent(
                    method: request.method, headers: Dictionary(request.headers.map { ($0.name, $0.value) }) { $1 },
                    secretHeaders: Dictionary(request.secretHeaders.map { ($0.name, $0.value.reveal()) }) { $1 },
                    secretQuery: Dictionary(request.secretQuery.map { ($0.name, $0.value.reveal()) }) { $1 },
                    body: request.body.map { String(decoding: $0, as: UTF8.self) }, destination: destination))
        }
        return try await self.answer(request)
    }
}
