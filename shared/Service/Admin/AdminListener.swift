package import Hummingbird
import JSON
package import Logging
import NIOCore

/// The listener for operators: `/healthz` and `/readyz`, apart from everything that the outside may reach.
///
/// Answers are JSON and never cached. `/readyz` answers 503 with the failing checks by name.
package struct AdminListener: Sendable {
    private let host: String
    private let port: Int
    private let readiness: Readiness
    private let logger: Logger

    package init(host: String, port: Int, readiness: Readiness, logger: Logger) {
        self.host = host
        self.port = port
        self.readiness = readiness
        self.logger = logger
    }

    /// The application that serves it; a `Service` of its own.
    package func application() -> some ApplicationProtocol {
        Application(
            router: self.router(),
            configuration: .init(address: .hostname(self.host, port: self.port), serverName: nil),
            onServerRunning: { [logger] channel in
                logger.info("Admin listener is up", metadata: ["address": "\(channel.localAddress.map { "\($0)" } ?? "unknown")"])
            },
            logger: self.logger
        )
    }

    package func router() -> Router<BasicRequestContext> {
        let router = Router()
        router.get("/healthz") { _, _ in Self.healthy }
        router.get("/readyz") { [readiness] _, _ in
            let report = await readiness.report()
            let checks = report.entries.map { entry in
                JSONValue.object([
                    "name": .string(entry.name), "ready": .bool(entry.fault == nil), "fault": entry.fault.map { .string($0) } ?? .null,
                ])
            }
            let body = JSONValue.object(["ready": .bool(report.isReady), "checks": .array(checks)])
            return Self.answer(report.isReady ? .ok : .serviceUnavailable, body)
        }
        return router
    }

    /// The one answer of `/healthz`, on every listener that has it.
    package static var healthy: Response { Self.answer(.ok, .object(["status": "ok"])) }

    private static func answer(_ status: HTTPResponse.Status, _ body: JSONValue) -> Response {
        Response(
            status: status,
            headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: body.bytes()))
        )
    }
}
