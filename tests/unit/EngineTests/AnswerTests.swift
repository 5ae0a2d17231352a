import Engine
import JSON
import Model
import Sandbox
import Store
import Synchronization
import Testing

@Suite struct AnswerTests {
    private let harness = EngineHarness()

    private func answer(_ result: JSONText?, _ output: SandboxOutput = SandboxOutput()) async throws -> ExecutionAnswer {
        try await self.harness.engine(ScriptedSandbox { _ in SandboxRunReport(outcome: .returned(result), output: output) }).execute(
            "return 1")
    }

    private func text(_ answer: ExecutionAnswer) -> String? {
        if case .text(let text)? = answer.content.first { text } else { nil }
    }

    @Test(
        "A result is text as it is, or JSON laid out; nothing is nothing, and false and zero are something",
        arguments: [
            (#""two\nlines \u00e9""#, "two\nlines é"), ("7", "7"), ("false", "false"), ("0", "0"), ("null", "(no result)"),
            ("\"\"", "(no result)"), (#"{"b":1,"a":[]}"#, "{\n  \"b\": 1,\n  \"a\": []\n}"),
        ])
    func resultText(json: String, text: String) async throws {
        let answer = try await self.answer(try JSONText(validating: json))
        #expect(self.text(answer) == text)
        #expect(answer.state == .completed)
        #expect(answer.failure == nil)
        let structured = try answer.structuredContent.value()
        #expect(structured["status"] == "completed")
        #expect(structured["executionId"] == .string(answer.execution.rawValue))
        #expect(structured["result"] == (text == "(no result)" ? .null : try JSONValue(parsing: json)))
        #expect(structured["emitted"] == nil)
        #expect(structured["logs"] == [])
    }

    @Test("A program that returns nothing has no result")
    func undefined() async throws {
        #expect(self.text(try await self.answer(nil)) == "(no result)")
    }

    @Test("A string is cut at the bound, by characters, and never within one")
    func cutString() async throws {
        var harness = self.harness
        harness.limits.answer.maxTextCharacters = 5
        let engine = harness.engine(
            ScriptedSandbox { _ in
                SandboxRunReport(outcome: .returned(try? JSONText(validating: #""é\n\ud83d\ude00😀\"xyz""#)))
            })
        let text = try #require(self.text(try await engine.execute("return 1")))
        #expect(text.hasPrefix("é\n😀😀\"\n… [cut: these are the first 5 characters; the whole has 27 bytes as JSON]"))
    }

    @Test("Ten megabytes complete, cut in the text and in the structured content, with their size")
    func tenMegabytes() async throws {
        let value = JSONValue.array((0..<10_000).map { ["index": .int($0), "text": .string(String(repeating: "x", count: 1000))] })
        let json = JSONText(value)
        let size = json.bytes.count
        #expect(size > 10_000_000)
        let answer = try await self.answer(json)
        #expect(answer.state == .completed)
        let text = try #require(self.text(answer))
        #expect(text.unicodeScalars.count < 30_300)
        #expect(text.contains("the whole has \(size) bytes as JSON"))
        let result = try #require(try answer.structuredContent.value()["result"])
        #expect(result["truncated"] == true)
        #expect(result["byteCount"] == .int(size))
        #expect(result["preview"]?.string?.hasPrefix("[\n  {\n    \"index\": 0,") == true)
        #expect(answer.structuredContent.bytes.count < 10_000)
        let stored = try #require(self.harness.records.state.withLock { $0.ends[answer.execution]?.outcome })
        #expect(stored == answer.toolResult)
    }

    @Test("A result at the bound is whole, and one byte more is not")
    func structuredBound() async throws {
        for (count, isWhole) in [(65_534, true), (65_535, false)] {
            let json = JSONText(.string(String(repeating: "x", count: count)))
            let result = try await self.answer(json).structuredContent.value()["result"]
            #expect((result?.string?.count == count) == isWhole)
        }
    }

    @Test("Logs follow the result and stand in the structured content")
    func logs() async throws {
        let output = SandboxOutput(logs: [.init(level: .log, text: "one"), .init(level: .warn, text: "two")])
        let answer = try await self.answer(JSONText("done"), output)
        #expect(self.text(answer) == "done\n\nLogs:\n[log] one\n[warn] two")
        #expect(try answer.structuredContent.value()["logs"] == ["[log] one", "[warn] two"])
    }

    @Test("Logs are bounded and say how many lines are missing")
    func manyLogs() async throws {
        let lines = (0..<5000).map { SandboxLogLine(level: .log, text: "line \($0)") }
        let logs = try await self.answer(nil, SandboxOutput(logs: lines)).structuredContent.value()["logs"]?.array
        #expect(logs?.count == 1001)
        #expect(logs?.last == "… 4000 more log lines left out")
        let long = [SandboxLogLine(level: .log, text: String(repeating: "x", count: 40_000))]
        #expect(try await self.answer(nil, SandboxOutput(logs: long)).structuredContent.value()["logs"] == ["… 1 more log line left out"])
    }

    @Test("Emitted values become content by what they are")
    func emitted() async throws {
        let file: (String, String) -> JSONValue = { type, data in
            [
                "_tag": "ToolFile", "name": "a b.bin", "mimeType": .string(type), "encoding": "base64", "data": .string(data),
                "byteLength": 3,
            ]
        }
        let values: [JSONValue] = [
            "plain", ["a": 1], file("image/png", "AAAA"), file("audio/wav", "AAAA"), file("text/plain; charset=utf-8", "aGV5"),
            file("application/zip", "AAAA"), file("application/zip", "not base64!"), ["type": "text", "text": "hey"],
            ["type": "image", "data": "AAAA", "mimeType": "image/png"], ["type": "image"],
            ["type": "resource_link", "uri": "https://example.com", "name": "n"],
        ]
        let answer = try await self.answer(nil, SandboxOutput(emitted: values.map(JSONText.init)))
        #expect(self.text(answer) == "(no result; 11 items were shown to the user)")
        #expect(try answer.structuredContent.value()["emitted"] == 11)
        let image = JSONText(["type": "image", "data": "AAAA", "mimeType": "image/png"])
        #expect(
            Array(answer.content.dropFirst()) == [
                .text("plain"), .text("{\n  \"a\": 1\n}"), .block(type: "image", image),
                .block(type: "audio", JSONText(["type": "audio", "data": "AAAA", "mimeType": "audio/wav"])), .text("hey"),
                .block(
                    type: "resource",
                    JSONText([
                        "type": "resource",
                        "resource": ["uri": "roost://emitted/a%20b.bin", "mimeType": "application/zip", "blob": "AAAA"],
                    ])),
                .text(file("application/zip", "not base64!").prettyText()),
                .block(type: "text", JSONText(["type": "text", "text": "hey"])),
                .block(type: "image", image), .text("{\n  \"type\": \"image\"\n}"),
                .block(type: "resource_link", JSONText(["type": "resource_link", "uri": "https://example.com", "name": "n"])),
            ])
    }

    @Test("Emitted values beyond their bounds are left out, and it is said; large ones are shown but not stored")
    func emittedBounds() async throws {
        let many = Array(repeating: JSONText("x"), count: 70)
        #expect(try await self.answer(nil, SandboxOutput(emitted: many)).content.last == .text("[6 emitted items of 18 bytes left out]"))
        let large = JSONText(["type": "image", "data": .string(String(repeating: "A", count: 400_000)), "mimeType": "image/png"])
        let answer = try await self.answer(nil, SandboxOutput(emitted: [large]))
        #expect(answer.content.last == .block(type: "image", large))
        let stored = try #require(self.harness.records.state.withLock { $0.ends[answer.execution]?.outcome }).value()
        #expect(stored["content"]?[1]?["text"]?.string == "[1 emitted item of \(large.bytes.count) bytes left out]")
    }

    @Test("A long text file is cut")
    func longTextFile() async throws {
        let data = String(repeating: "eHh4", count: 30_000)
        let file: JSONValue = ["_tag": "ToolFile", "mimeType": "text/csv", "encoding": "base64", "data": .string(data)]
        guard case .text(let text)? = try await self.answer(nil, SandboxOutput(emitted: [JSONText(file)])).content.last else {
            Issue.record("text is shown")
            return
        }
        #expect(text.hasPrefix(String(repeating: "x", count: 64_000) + "\n… [cut"))
        #expect(text.contains("90000 bytes"))
    }

    @Test("What is stored stays below the store's bound, whatever characters are escaped")
    func worstCase() async throws {
        let hostile = String(repeating: "\u{1}", count: 60_000)
        let logs = (0..<1000).map { _ in SandboxLogLine(level: .log, text: String(repeating: "\u{2}", count: 60)) }
        let emitted = (0..<64).map { _ in JSONText(.string(String(repeating: "\u{3}", count: 600))) }
        let output = SandboxOutput(emitted: emitted, logs: logs)
        let answer = try await self.answer(JSONText(.string(hostile)), output)
        let stored = try #require(self.harness.records.state.withLock { $0.ends[answer.execution]?.outcome })
        #expect(stored.bytes.count <= 1 << 20)
        #expect(try stored.value()["structuredContent"]?["status"] == "completed")
        let thrown = SandboxThrown(name: "Error", message: hostile, stack: hostile)
        let engine = self.harness.engine(ScriptedSandbox { _ in SandboxRunReport(outcome: .threw(thrown), output: output) })
        let failed = try await engine.execute("throw 1")
        let storedFailure = try #require(self.harness.records.state.withLock { $0.ends[failed.execution]?.outcome })
        #expect(storedFailure.bytes.count <= 1 << 20)
        #expect(try storedFailure.value()["structuredContent"]?["status"] == "error")
    }

    @Test("What a program throws is an error with its place in the text that was sent")
    func thrown() async throws {
        let thrown = SandboxThrown(name: "TypeError", message: "x is not a function", stack: "at code.ts:1:22", line: 1, column: 22)
        let output = SandboxOutput(logs: [.init(level: .error, text: "oh")])
        let engine = self.harness.engine(ScriptedSandbox { _ in SandboxRunReport(outcome: .threw(thrown), output: output) })
        let answer = try await engine.execute("() => x()")
        #expect(answer.state == .failed)
        #expect(self.text(answer) == "Error: TypeError: x is not a function (line 1, column 8)\nat code.ts:1:22\n\nLogs:\n[error] oh")
        let structured = try answer.structuredContent.value()
        #expect(structured["status"] == "error")
        #expect(
            structured["error"] == [
                "code": "program_threw", "message": "x is not a function", "name": "TypeError", "line": 1, "column": 8,
                "stack": "at code.ts:1:22", "retryable": false,
            ])
        #expect(try answer.toolResult.value()["isError"] == true)
        #expect(self.harness.records.state.withLock { $0.ends[answer.execution]?.errorCode } == "program_threw")
    }

    @Test(
        "A broken limit is an error with its own code and message",
        arguments: [SandboxError.Code.cpuLimit, .wallLimit, .memoryLimit, .outputLimit, .callLimit, .neverSettles, .violation, .capacity])
    func limits(code: SandboxError.Code) async throws {
        let error = SandboxError(code, "what to do", output: SandboxOutput(logs: [.init(level: .log, text: "before")]), hasStarted: true)
        let engine = self.harness.engine(ScriptedSandbox { (_) async throws(SandboxError) in throw error })
        let answer = try await engine.execute("return 1")
        #expect(answer.state == .failed)
        #expect(answer.failure?.code == code.description)
        #expect(self.text(answer) == "Error: what to do\n\nLogs:\n[log] before")
        #expect(answer.failure?.isRetryable == (code == .capacity))
    }

    @Test("When the called function is not a program, the text runs as it was written, and errors are about that")
    func fallback() async throws {
        let engine = self.harness.engine(
            ScriptedSandbox { (realm) async throws(SandboxError) in
                let isOurs = realm.program.source.hasPrefix("return await (")
                throw SandboxError(.syntaxError, "unexpected", position: .init(line: 1, column: isOurs ? 99 : 4))
            })
        let answer = try await engine.execute("() => 1 1")
        #expect(answer.failure?.code == "syntax_error")
        #expect(answer.failure?.text == "SyntaxError: unexpected (line 1, column 4)")
    }
}
