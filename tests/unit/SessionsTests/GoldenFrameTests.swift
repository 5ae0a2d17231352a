import Channel
import JSON
import MCP
import Model
import SessionAPI
import Store
import Synchronization
import TestSupport
import Testing

@testable import Sessions

/// What gateways ask and session-services answer, in every version of the contract.
///
/// `tests/golden/requests.<version>.txt` has the requests as a gateway of that version sends them, `answers.<version>.txt` the answers that
/// carry more than a message.
@Suite("Frames of all versions", .timeLimit(.minutes(2)))
struct GoldenFrameTests {
    /// Keeps what is sent over it, and answers as it is told.
    private final class RecordingChannel: ChannelClient {
        let requests = Recorder<String>()
        private let response: ChannelResponse

        init(_ response: ChannelResponse = ChannelResponse(status: 204, headers: ["cache-control": "no-store"])) {
            self.response = response
        }

        func run() async throws {}

        func send(_ request: ChannelRequest) async throws(ChannelError) -> ChannelResponse {
            let body = String(decoding: try await request.body.collect(upTo: 1 << 20), as: UTF8.self)
            self.requests.record(
                GoldenFrameTests.text("\(request.method) \(request.path)", request.headers) + (body.isEmpty ? "" : body + "\n"))
            return self.response
        }
    }

    private static func text(_ first: String, _ headers: ChannelHeaders) -> String {
        let fields = headers.map { "\($0.name): \($0.value)\n" }.sorted()
        return "\(first)\n\(fields.joined())\n"
    }

    private static let record = SessionRecordID(trusted: "ses_01890a5d-ac96-774b-bcce-b302099a8057")
    private static let owner = SessionOwner(replica: ReplicaID(trusted: "rep_01890a5d-ac96-774b-bcce-b302099a8057"), epoch: 3)
    private static let caller = SessionCaller(
        principal: Principal(
            organization: OrganizationID(trusted: "org_01890a5d-ac96-774b-bcce-b302099a8057"),
            account: AccountID(trusted: "acc_01890a5d-ac96-774b-bcce-b302099a8057"), role: .agent,
            method: .apiKey(APIKeyID(trusted: "key_01890a5d-ac96-774b-bcce-b302099a8057"))), resource: "/mcp")
    private static let initialize = """
        {"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},\
        "clientInfo":{"name":"test","version":"1"}}}
        """
    private static let call = #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}"#

    /// Every kind of request that a gateway sends.
    private static func requests(_ version: ContractVersion) async throws -> String {
        let channel = RecordingChannel()
        let client = SessionClient(channel: channel, unread: UnreadAnswers(maxBytes: 1 << 20), speaking: version)
        func message(_ text: String) throws -> MCPEnvelope { try MCPEnvelope.peek(Array(text.utf8)) }
        _ = try await client.open(message(Self.initialize), stale: nil, for: Self.caller, timeout: .seconds(9), trace: nil)
        _ = try await client.send(
            message(Self.call), session: "session", for: Self.caller, timeout: .seconds(9), trace: nil,
            execution: ExecutionID(trusted: "exe_01890a5d-ac96-774b-bcce-b302099a8057"))
        _ = try await client.listen(session: "session", after: nil, for: Self.caller, trace: nil)
        _ = try await client.listen(
            session: "session", after: "str_01890a5d-ac96-774b-bcce-b302099a8057:1.", for: Self.caller, trace: nil)
        _ = try await client.serves(timeout: .seconds(9))
        _ = try await client.close(session: "session", for: Self.caller, timeout: .seconds(9), trace: nil)
        _ = try await client.close(Self.record, for: Self.caller, timeout: .seconds(9), trace: nil)
        return channel.requests.elements.joined(separator: "---\n")
    }

    @Test("a gateway sends what its version says, and the made-up previous one what it says for tests")
    func asking() async throws {
        for version in [ContractVersion.current, .previous] {
            #expect(try await Golden.has(Self.requests(version), as: "requests.\(version).txt"))
        }
        #expect(Golden.versions(of: "requests", "txt") == [0, 1])
        #expect(ContractVersion.current.description == "1")
    }

    /// A request out of a file, with a caller and a session that are there.
    private static func request(_ text: String, _ harness: SessionHarness, session: String, record: SessionRecordID) throws
        -> ChannelRequest
    {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let first = lines[0].replacing(Self.record.rawValue, with: record.rawValue).split(separator: " ").map(String.init)
        let border = try #require(lines.firstIndex(of: ""))
        var headers = ChannelHeaders()
        for line in lines[1..<border] {
            let colon = try #require(line.firstIndex(of: ":"))
            let (name, value) = (String(line[..<colon]), String(line[line.index(colon, offsetBy: 2)...]))
            switch name {
            case SessionHeaders.caller: headers[name] = harness.caller.headers()[name]
            case SessionHeaders.session: headers[name] = session
            default: headers[name] = value
            }
        }
        let body = lines[(border + 1)...].joined()
        return ChannelRequest(method: first[0], path: first[1], headers: headers, body: body.isEmpty ? .empty : .bytes(Array(body.utf8)))
    }

    @Test(
        "a session-service answers gateways of any version, of later ones too, in whichever it speaks itself",
        arguments: Golden.versions(of: "requests", "txt"), [ContractVersion.current, .previous])
    func answering(version: Int, speaking: ContractVersion) async throws {
        try await SessionHarness.run(speaking: speaking) { harness in
            for isLater in [false, true] {
                let session = try await harness.open()
                let organization = harness.tenant.organization.id
                let row = try #require(try await harness.store.sessions.find(hash: SecretHash(of: session), in: organization))
                for frame in try Golden.text("requests.\(version).txt").split(separator: "---\n") {
                    var request = try Self.request(String(frame), harness, session: session, record: row.id)
                    if isLater, request.path != SessionEndpoint.status.path {
                        request.headers[SessionHeaders.contract] = "999"
                        request.headers[SessionHeaders.prefix + "new"] = "what nobody knows yet"
                    }
                    let response = try await harness.service.handler.respond(to: request)
                    let expected = self.status(of: request, speaking)
                    #expect(response.status == expected, "\(request.method) \(request.path)")
                    if request.headers[SessionHeaders.execution] != nil, request.path == "/messages" {
                        let given = harness.stacks.executions.last?.rawValue == request.headers[SessionHeaders.execution]
                        #expect(given == speaking.hasExecutionNames, "a name is for those who know it")
                    }
                }
            }
        }
    }

    private func status(of request: ChannelRequest, _ speaking: ContractVersion) -> Int {
        switch (request.method, request.path) {
        case ("GET", "/status"): speaking.hasStatus ? 200 : 404
        case ("DELETE", "/sessions"): 204
        case ("DELETE", _): 204
        default: 200
        }
    }

    // MARK: - Answers

    /// The answers that say more than a message does.
    private static func answers() -> String {
        let refused = RefusedRequest(refusal: .misdirected, message: "Another process runs the session; try again.", owner: Self.owner)
        let frames = [
            ("200", ReplicaStatus(owner: Self.owner, load: 17, isDraining: true).headers),
            ("503", refused.response(to: JSONRPCID(1)).headers), ("503", RefusedRequest.draining.response(to: JSONRPCID(1)).headers),
        ]
        return frames.map { Self.text($0, $1) }.joined(separator: "---\n")
    }

    @Test("a session-service answers what its version says")
    func answerWriting() throws {
        #expect(try Golden.has(Self.answers(), as: "answers.\(ContractVersion.current).txt"))
        #expect(Golden.versions(of: "answers", "txt") == [1])
    }

    @Test("a gateway understands the answers of any version, and of later ones what it knows of them")
    func answerReading() async throws {
        let ping = try MCPEnvelope.peek(Array(#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#.utf8))
        func answer(_ text: Substring, _ change: (inout ChannelHeaders) -> Void = { _ in }) async throws -> (SessionAnswer, ReplicaStatus?)
        {
            let lines = text.split(separator: "\n")
            var headers = ChannelHeaders()
            for line in lines.dropFirst() {
                let parts = line.split(separator: ":", maxSplits: 1)
                headers.append(String(parts[0]), String(parts[1].dropFirst()))
            }
            change(&headers)
            let channel = RecordingChannel(ChannelResponse(status: try #require(Int(lines[0])), headers: headers))
            let client = SessionClient(channel: channel, unread: UnreadAnswers(maxBytes: 1 << 20))
            return (
                try await client.send(ping, session: "s", for: Self.caller, timeout: nil, trace: nil),
                try await client.status(timeout: .seconds(9))
            )
        }
        let frames = try Golden.text("answers.1.txt").split(separator: "---\n")
        #expect(try await answer(frames[0]).1 == ReplicaStatus(owner: Self.owner, load: 17, isDraining: true))
        let misdirected = try await answer(frames[1]).0
        #expect(misdirected.refusal == .misdirected && misdirected.owner == Self.owner)
        #expect(!misdirected.headers.contains { $0.name.hasPrefix(SessionHeaders.prefix) })
        #expect(try await answer(frames[2]).0.refusal == .draining)
        // A version before that had no such field, and a later one with reasons and fields that nobody knows yet.
        #expect(try await answer(frames[1]) { $0[SessionHeaders.owner] = nil }.0.owner == nil)
        let later = try await answer(frames[1]) {
            $0[SessionHeaders.refusal] = "tired"
            $0[SessionHeaders.prefix + "new"] = "x"
        }.0
        #expect(later.refusal == .overloaded && later.headers.allSatisfy { $0.name != SessionHeaders.prefix + "new" })
    }

    @Test("what a replica does not know is not there for nobody else, and a replica that cannot say how it is serves if it answers")
    func unknownFrames() async throws {
        func client(_ status: Int) -> SessionClient {
            SessionClient(channel: RecordingChannel(ChannelResponse(status: status)), unread: UnreadAnswers(maxBytes: 1 << 20))
        }
        let error = await #expect(throws: SessionAPIError.self) {
            try await client(404).listen(session: "s", after: nil, for: Self.caller, trace: nil)
        }
        #expect(error?.code == .unreachable)
        #expect(try await client(404).serves(timeout: .seconds(9)))
        #expect(try await client(503).serves(timeout: .seconds(9)) == false)
        #expect(try await client(404).status(timeout: .seconds(9)) == nil)
    }

    @Test("only a whole number is a version")
    func versions() {
        #expect(ContractVersion("0") == .previous && ContractVersion("1") == .current)
        #expect(ContractVersion("2") ?? .previous > .current)
        for text in ["", "-1", "+1", "1.0", " 1", "1x", "1234567", "١"] { #expect(ContractVersion(text) == nil) }
    }

    // MARK: - What clients keep

    @Test("the ids of events, which clients keep, are read as every version wrote them")
    func eventIDs() throws {
        let stream = SessionStreamID(trusted: "str_01890a5d-ac96-774b-bcce-b302099a8057")
        let mark = try #require(ToolListMark("9c0d0123456789ab"))
        let ids: [StreamEventID] = [.answer(stream, 2), .notices(stream, 1, nil), .notices(stream, 1, mark)]
        #expect(try Golden.has(ids.map { "\($0)\n" }.joined(), as: "event-ids.1.txt"))
        #expect(try Golden.text("event-ids.1.txt").split(separator: "\n").map { StreamEventID(String($0)) } == ids)
    }
}
