import HTTPTypes
import JSON
import MCP
import NIOCore
import NIOHTTP1
import SessionAPI

/// The answer to an ``MCPRequest``.
struct MCPResponse: Sendable {
    enum Body: Sendable {
        case whole(ByteBuffer)
        /// Events that arrive over time.
        case events(SessionEventStream)
    }

    let status: HTTPResponseStatus
    var headers: HTTPHeaders
    let body: Body
}

extension MCPResponse {
    /// The session-service's answer as it came.
    init(_ answer: SessionAnswer) {
        var headers = HTTPHeaders()
        headers.reserveCapacity(answer.headers.count + 6)
        for (name, value) in answer.headers where name != "content-length" { headers.add(name: name, value: value) }
        switch answer.body {
        case .whole(let bytes):
            self.init(status: .init(statusCode: answer.status), headers: headers, body: .whole(ByteBuffer(bytes: bytes)))
        case .events(let stream):
            // Proxies that buffer would hold events back until the call ends.
            headers.replaceOrAdd(name: "x-accel-buffering", value: "no")
            self.init(status: .init(statusCode: answer.status), headers: headers, body: .events(stream))
        }
    }

    /// A refusal with its JSON-RPC error.
    init(_ error: MCPError) {
        let answer = error.answer
        self.init(
            status: .init(statusCode: answer.status), headers: HTTPHeaders(answer.headers), body: .whole(ByteBuffer(bytes: answer.bytes)))
    }

    /// A refusal outside of the protocol.
    init(_ problem: Problem) {
        self.init(
            status: .init(statusCode: problem.status.code), headers: HTTPHeaders(), body: .whole(ByteBuffer(bytes: problem.json.bytes())))
        self.add(problem.fields)
    }

    /// Adds fields that the answer does not have.
    mutating func add(_ fields: HTTPFields) {
        for field in fields { self.headers.add(name: field.name.canonicalName, value: field.value) }
    }
}
