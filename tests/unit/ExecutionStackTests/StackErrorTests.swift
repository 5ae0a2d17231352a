import Engine
import JSON
import Model
import Testing

@testable import ExecutionStack

/// What is told of an execution whose answer could not be given.
@Suite struct StackErrorTests {
    @Test("An end that could not be stored carries what the calls came to, and is repeatable only when none may have written")
    func endNotRecorded() throws {
        let execution = ExecutionID()
        for (effect, isRetryable) in [(ToolEffect.read, true), (.write, false)] {
            let calls = CallReport([CallReport.Call(sequence: 1, address: "a.b.c.d", effect: effect, outcome: .done)])
            let error = ExecutionStackError(
                EngineError(code: .endNotRecorded, message: "not stored", execution: execution, calls: calls))
            #expect(error.code == .endNotRecorded)
            #expect(error.isRetryable == isRetryable)
            let data = try #require(error.interrupted?.data)
            #expect(data["executionId"] == .string(execution.rawValue))
            #expect(data["retryable"] == .bool(isRetryable))
            #expect(data["calls"]?.array?.count == 1)
        }
    }

    @Test("Of a name that is taken nothing is known but that it is")
    func alreadyBegun() {
        let execution = ExecutionID()
        let error = ExecutionStackError(EngineError(code: .alreadyBegun, message: "taken", execution: execution))
        #expect(error.code == .alreadyBegun)
        #expect(!error.isRetryable)
        #expect(error.interrupted?.data["executionId"] == .string(execution.rawValue))
        #expect(ExecutionStackError(EngineError(code: .unavailable, message: "away")).interrupted == nil)
        #expect(ExecutionStackError(EngineError(code: .unavailable, message: "away", execution: execution)).isRetryable)
    }
}
