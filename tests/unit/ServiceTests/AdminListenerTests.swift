import Hummingbird
import HummingbirdTesting
import Logging
import Testing

@testable import Service

@Suite struct AdminListenerTests {
    private func listener(_ faults: [String: String?]) -> AdminListener {
        let checks = faults.sorted { $0.key < $1.key }.map { name, fault in Readiness.Check(name) { fault } }
        return AdminListener(host: "127.0.0.1", port: 0, readiness: Readiness(checks), logger: Logger(label: "test"))
    }

    @Test("/readyz answers 200 while all checks pass")
    func ready() async throws {
        try await Application(router: self.listener(["database": nil]).router()).test(.router) { client in
            try await client.execute(uri: "/readyz", method: .get) { response in
                #expect(response.status == .ok)
                #expect(String(buffer: response.body) == #"{"ready":true,"checks":[{"name":"database","ready":true,"fault":null}]}"#)
            }
        }
    }

    @Test("/readyz answers 503 and names what fails; /healthz does not care")
    func unready() async throws {
        try await Application(router: self.listener(["database": "does not answer", "sandbox": nil]).router()).test(.router) { client in
            try await client.execute(uri: "/readyz", method: .get) { response in
                #expect(response.status == .serviceUnavailable)
                #expect(String(buffer: response.body).contains(#""fault":"does not answer""#))
            }
            try await client.execute(uri: "/healthz", method: .get) { #expect($0.status == .ok) }
        }
    }
}
