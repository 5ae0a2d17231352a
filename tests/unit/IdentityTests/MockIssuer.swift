import Crypto
import Hummingbird
import Identity
import JSON
import Logging
import Model
import OperatorHTTP
import Synchronization
import TestSupport

/// A token issuer over real loopback HTTP: metadata, a key set that can be changed, and a way to sign anything.
final class MockIssuer: Sendable {
    private struct State {
        var keys: [JSONValue] = []
        var isDown = false
        var metadata: JSONValue?
        var held: Recorder<Void>?
    }

    private let state = Mutex(State())

    /// The paths that were asked for, in order.
    let requests = Recorder<String>()

    func setKeys(_ keys: [JSONValue]) { self.state.withLock { $0.keys = keys } }
    func setDown(_ isDown: Bool) { self.state.withLock { $0.isDown = isDown } }
    func setMetadata(_ metadata: JSONValue) { self.state.withLock { $0.metadata = metadata } }
    /// Key sets are answered only after something was recorded in `gate`.
    func hold(until gate: Recorder<Void>) { self.state.withLock { $0.held = gate } }

    /// Serves for as long as `body` runs.
    func run(_ body: (_ base: String) async throws -> Void) async throws {
        let router = Router()
        router.get("**") { request, _ in await self.answer(path: request.uri.path) }
        let ports = Recorder<Int>()
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { ports.record($0.localAddress?.port ?? 0) }, logger: Logger(label: "issuer") { _ in SwiftLogNoOpLogHandler() }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await application.run() }
            await ports.wait(for: 1)
            guard let port = ports.elements.first else { throw CancellationError() }
            try await body("http://127.0.0.1:\(port)")
            group.cancelAll()
            try? await group.waitForAll()
        }
    }

    private func answer(path: String) async -> Response {
        self.requests.record(path)
        let (isDown, metadata, keys, gate) = self.state.withLock { ($0.isDown, $0.metadata, $0.keys, $0.held) }
        if isDown { return Response(status: .serviceUnavailable) }
        if path == "/jwks" {
            await gate?.wait(for: 1)
            return Self.json(["keys": .array(keys)])
        }
        guard let metadata, path.hasSuffix("/.well-known/openid-configuration") else { return Response(status: .notFound) }
        return Self.json(metadata)
    }

    private static func json(_ value: JSONValue) -> Response {
        Response(status: .ok, headers: [.contentType: "application/json"], body: .init(byteBuffer: .init(bytes: value.bytes())))
    }
}

/// A key pair of the mock issuer.
struct SigningKey {
    let id: String
    private let key = P256.Signing.PrivateKey()

    init(_ id: String) { self.id = id }

    /// The public half as a JWK, with members replaced or, for null, removed.
    func jwk(_ changes: [String: JSONValue] = [:]) -> JSONValue {
        let point = Array(self.key.publicKey.rawRepresentation)
        var members: [String: JSONValue] = [
            "kty": "EC", "crv": "P-256", "kid": .string(self.id), "use": "sig", "alg": "ES256",
            "x": .string(Base64URL.encode(point[..<32])),
            "y": .string(Base64URL.encode(point[32...])),
        ]
        members.merge(changes) { $1 }
        return .object(JSONObject(members.filter { !$0.value.isNull }.map { (key: $0.key, value: $0.value) }))
    }

    /// What an attacker would take for a shared secret.
    var publicBytes: [UInt8] { Array(self.key.publicKey.pemRepresentation.utf8) }

    func token(header: [String: JSONValue] = [:], claims: JSONValue) throws -> String {
        let input = Self.signingInput(["alg": "ES256", "kid": .string(self.id), "typ": "JWT"], header, claims)
        return "\(input).\(Base64URL.encode(Array(try self.key.signature(for: Array(input.utf8)).rawRepresentation)))"
    }

    static func signingInput(_ base: [String: JSONValue], _ changes: [String: JSONValue], _ claims: JSONValue) -> String {
        let members = base.merging(changes) { $1 }.filter { !$0.value.isNull }
        let header = JSONValue.object(JSONObject(members.map { (key: $0.key, value: $0.value) }))
        return "\(Base64URL.encode(header.bytes())).\(Base64URL.encode(claims.bytes()))"
    }
}
