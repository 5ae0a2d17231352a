import Channel
import Logging
import ServiceLifecycle
import TestSupport
import Testing

/// The implementations of the channel that one contract is tested on.
enum ChannelKind: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case plaintext
    case tls
    case memory

    /// Those that go over a network.
    static let network: [ChannelKind] = [.plaintext, .tls]

    var testDescription: String { self.rawValue }
}

/// Makes clients and servers that belong together.
enum ChannelFixture {
    static let key = ChannelKey(bytes: Array("the key of the test installation".utf8))
    static let otherKey = ChannelKey(bytes: Array("the key of another test installation".utf8))

    /// The product's bounds, with more patience for peers: a test machine may be busy with other things, and TLS without optimisation.
    static let limits: ChannelLimits = {
        var limits = ChannelLimits()
        limits.connectTimeout = .seconds(30)
        limits.keepAliveInterval = .seconds(30)
        limits.keepAliveTimeout = .seconds(30)
        return limits
    }()

    static let logger: Logger = {
        var logger = Logger(label: "channel-tests")
        logger.logLevel = .critical
        return logger
    }()

    /// One authority for all tests.
    static let authority = Result { try TestAuthority() }

    static func server(
        _ kind: ChannelKind,
        key: ChannelKey? = Self.key,
        port: Int = 0,
        certifiedAddresses: [[UInt8]] = [[127, 0, 0, 1]],
        limits: ChannelLimits = ChannelFixture.limits,
        _ handler: @escaping @Sendable (ChannelRequest) async throws -> ChannelResponse
    ) throws -> any ChannelServer {
        let handler = ClosureChannelHandler(handler)
        let address = ChannelAddress(host: "127.0.0.1", port: port)
        switch kind {
        case .memory: return InMemoryChannelServer(handler: handler, key: key, limits: limits)
        case .plaintext: return try HTTP2ChannelServer(address: address, handler: handler, key: key, limits: limits, logger: Self.logger)
        case .tls:
            let identity = try Self.authority.get().serverIdentity(names: ["localhost"], addresses: certifiedAddresses)
            let security = ChannelServerSecurity.tls(
                certificateChain: Array(identity.certificatePEM.utf8), privateKey: Array(identity.privateKeyPEM.utf8))
            return try HTTP2ChannelServer(
                address: address, handler: handler, key: key, security: security, limits: limits, logger: Self.logger)
        }
    }

    static func client(
        of server: any ChannelServer, _ kind: ChannelKind, key: ChannelKey? = Self.key, port: Int? = nil,
        limits: ChannelLimits = ChannelFixture.limits
    ) async throws -> any ChannelClient {
        if let server = server as? InMemoryChannelServer { return InMemoryChannelClient(server: server, key: key, limits: limits) }
        var address = try await server.address
        if let port { address.port = port }
        let security =
            kind == .tls ? ChannelClientSecurity.tls(trustRoots: Array(try Self.authority.get().certificatePEM.utf8)) : .plaintext
        return try HTTP2ChannelClient(address: address, key: key, security: security, limits: limits, logger: Self.logger)
    }

    /// Runs services while a test uses them, and stops them by cancellation.
    static func running<Answer: Sendable>(
        _ services: [any Service], _ body: () async throws -> Answer
    ) async throws -> Answer {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in services {
                group.addTask { try await service.run() }
            }
            defer { group.cancelAll() }
            return try await body()
        }
    }

    /// Runs a server and a client of it.
    static func withChannel<Answer: Sendable>(
        _ kind: ChannelKind,
        serverKey: ChannelKey? = Self.key,
        clientKey: ChannelKey? = Self.key,
        limits: ChannelLimits = ChannelFixture.limits,
        handler: @escaping @Sendable (ChannelRequest) async throws -> ChannelResponse,
        _ body: (any ChannelClient) async throws -> Answer
    ) async throws -> Answer {
        let server = try Self.server(kind, key: serverKey, limits: limits, handler)
        return try await Self.running([server]) {
            let client = try await Self.client(of: server, kind, key: clientKey, limits: limits)
            return try await Self.running([client]) { try await body(client) }
        }
    }
}

extension ChannelClient {
    /// Sends again and again, with a pause so that others run, until there is a response; each failure before must be safe to retry, or
    /// the loss of a connection if such losses are part of the test.
    func sendUntilAnswered(_ path: String, mayLoseConnections: Bool = false) async throws -> ChannelResponse {
        while true {
            do throws(ChannelError) {
                return try await self.send(ChannelRequest(method: "GET", path: path, timeout: .seconds(30)))
            } catch {
                guard error.isSafeToRetry || mayLoseConnections && error.code == .connectionLost else { throw error }
            }
            try await ContinuousClock().sleep(for: .milliseconds(5))
        }
    }

    /// The error that a request must end in.
    func failure(_ request: ChannelRequest) async -> ChannelError? {
        do {
            _ = try await self.send(request)
            return nil
        } catch {
            return error
        }
    }
}

extension ChannelBody {
    /// The error that reading must end in.
    func failure() async -> ChannelError? {
        do {
            for try await _ in self {}
            return nil
        } catch {
            return error
        }
    }

    /// All of the body as text.
    func text() async throws -> String { String(decoding: try await self.collect(upTo: 1_000_000), as: UTF8.self) }
}

/// A running checksum (FNV-1a) over a body that is never in memory as a whole.
struct Checksum: Equatable, Sendable {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325
    private(set) var count = 0

    mutating func add(_ bytes: [UInt8]) {
        for byte in bytes { self.value = (self.value ^ UInt64(byte)) &* 0x100_0000_01B3 }
        self.count += bytes.count
    }
}

/// Random numbers that are the same in every run with the same seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var value = self.state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
