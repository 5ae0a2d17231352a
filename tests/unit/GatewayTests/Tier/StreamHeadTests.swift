import MCP
import Telemetry
import TestSupport
import Testing

@testable import Gateway

@Suite("Streams that clients ask for", .timeLimit(.minutes(2))) struct StreamHeadTests {
    @Test("a stream whose head does not come is answered 503 within the time for an answer")
    func silent() async throws {
        try await TierHarness.run { harness in
            let session = try await harness.open()
            let tier = SessionTier(replicas: harness.gateway.replicas, router: harness.gateway.router, limits: TierLimits())
            for replica in harness.replicas { replica.set(.silent) }
            let count = harness.messageCount
            let pending = Task {
                try await tier.send(.listen(session: session, after: nil), nil, for: TierHarness.caller, trace: .root())
            }
            try await harness.until { harness.messageCount > count }
            let error = await #expect(throws: MCPError.self) {
                try await harness.withRunningClock { try await pending.value }
            }
            #expect(error?.code == .unavailable)
            #expect(error?.retryAfter != nil)
        }
    }
}
