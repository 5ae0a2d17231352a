import JSON
import MCP
import SessionAPI
import Store
import TestSupport
import Testing

@testable import Sessions

@Suite("Calls that hang, and calls that end all the same", .timeLimit(.minutes(2)))
struct SessionEndingTests {
    @Test("a call whose session cannot be restored because the database hangs is refused before it begins, and may go elsewhere")
    func hangingDatabase() async throws {
        try await withMigratedDatabase { base in
            let database = StallingDatabase(base)
            let store = Store(database: database, limits: .patient)
            let tenant = try await store.makeTenant()
            var session = ""
            try await SessionHarness.run(on: store, tenant) { session = try await $0.open() }
            try await SessionHarness.run(on: store, tenant) { [session] harness in
                await harness.clock.waitForSleepers(SessionHarness.idleSleepers)
                database.stall()
                async let call = harness.call("echo", session: session)
                await database.waitForVisitor()
                await harness.clock.waitForSleepers(SessionHarness.idleSleepers + 1)
                harness.clock.advance(by: SessionLimits().restoreTimeout)
                let answer = try await call
                #expect(answer.status == 503)
                #expect(answer.refusal == .unavailable)
                database.goOn()
                #expect(try await harness.call("echo", session: session).status == 200)
            }
        }
    }

    @Test("a call whose tool hangs although it was stopped is answered a second later without it, and counts until it has ended")
    func hangingTool() async throws {
        try await SessionHarness.run { harness in
            let gate = Gate()
            harness.stacks.define("stuck") { _, _ in
                // As a write to a database that says nothing: cancellation changes nothing.
                await gate.wait()
                return .stopped(["retryable": true])
            }
            let session = try await harness.open()
            async let call = harness.call("stuck", id: "3", session: session)
            await gate.waitForVisitor()
            await harness.clock.waitForSleepers(SessionHarness.idleSleepers + 2)
            #expect(try await harness.close(session).status == 204)
            // The call's own bound, the delay of its stream, and what is left for its tool.
            await harness.clock.waitForSleepers(SessionHarness.idleSleepers + 3)
            harness.clock.advance(by: SessionLimits().endingGrace)
            let error = try await call.last?["error"]
            #expect(error?["data"]?["code"] == "execution_interrupted")
            #expect(error?["data"]?["retryable"] == nil)
            #expect(harness.service.callCount == 1)
            gate.open()
            try await harness.until { harness.service.callCount == 0 }
        }
    }

    @Test(
        "a call that was stopped and ran to its end all the same is answered with its result, but not to who cancelled or closed",
        arguments: ["draining", "timed out", "lease lost", "closed"])
    func wholeAlthoughStopped(reason: String) async throws {
        try await SessionHarness.run { harness in
            let started = Latch()
            harness.stacks.define("thorough") { _, _ in
                started.open()
                try? await Task.sleep(for: .seconds(3600))
                return .result(MCPToolResult(content: [.text("whole")]))
            }
            let session = try await harness.open()
            async let call = harness.call("thorough", id: "3", session: session)
            await started.wait()
            await harness.clock.waitForSleepers(SessionHarness.idleSleepers + 2)
            switch reason {
            case "draining":
                await harness.shutDown()
                _ = try await harness.untilRefused()
                harness.clock.advance(by: SessionLimits().drainTimeout)
            case "timed out": harness.clock.advance(by: SessionLimits().callTimeout)
            case "lease lost":
                harness.lease.set(nil)
                await harness.clock.waitForSleepers(SessionHarness.idleSleepers + 3)
                harness.clock.advance(by: SessionLimits().orphanDelay)
            default: #expect(try await harness.close(session).status == 204)
            }
            let last = try #require(try await call.last)
            if reason == "closed" {
                #expect(last["error"]?["data"]?["code"] == "execution_interrupted")
            } else {
                #expect(last["result"]?["content"]?[0]?["text"] == "whole")
            }
        }
    }
}
