internal import JSON
internal import Logging
internal import OperatorHTTP
internal import Synchronization

/// The issuer's public keys: read when first needed, read again when they are old or a token names one that is not there, never by more
/// than one request at a time, and never more often than the settings allow.
///
/// There is no task of its own: the request that finds it necessary reads, and those that come meanwhile wait for it.
final class IssuerKeys: Sendable {
    private enum Step {
        case use(IssuerKey)
        case unknown
        case unavailable
        case read
        case wait
    }

    private struct State {
        var keys: [String: IssuerKey] = [:]
        /// When the keys were read; nil before that happened.
        var readAt: Duration?
        /// When a reading was last begun, and whether it failed.
        var attemptedAt: Duration?
        var hasFailed = false
        var isReading = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private static let maxWaiting = 1000

    private let settings: IssuerSettings
    private let client: OperatorHTTPClient
    private let time: TimeSource
    private let logger: Logger
    private let state = Mutex(State())

    init(settings: IssuerSettings, client: OperatorHTTPClient, time: TimeSource, logger: Logger) {
        self.settings = settings
        self.client = client
        self.time = time
        self.logger = logger
    }

    /// The key with the id; nil when the issuer has none. Throws `unavailable` when that cannot be known.
    func find(_ id: String) async throws(IdentityError) -> IssuerKey? {
        while true {
            switch self.state.withLock({ self.decide(id, &$0) }) {
            case .use(let key): return key
            case .unknown: return nil
            case .unavailable: throw IdentityError(.unavailable, "The token issuer cannot be reached at the moment; try again later.")
            case .read: await self.read()
            case .wait: await self.wait()
            }
            guard !Task.isCancelled else { throw IdentityError(.unavailable, "The request was cancelled.") }
        }
    }

    private func decide(_ id: String, _ state: inout State) -> Step {
        let now = self.time.uptime()
        let age = state.readAt.map { now - $0 }
        let mayRead = state.attemptedAt.map { now - $0 >= self.settings.minRefreshInterval } ?? true
        if let key = state.keys[id], let age, age < self.settings.keysMaxAge {
            // Old keys go on being used while somebody reads them again, and while they cannot be read.
            guard age >= self.settings.keysLifetime, mayRead, !state.isReading else { return .use(key) }
        } else if state.isReading {
            return state.waiting.count < Self.maxWaiting ? .wait : .unavailable
        } else if !mayRead {
            return state.hasFailed || state.readAt == nil ? .unavailable : .unknown
        }
        state.isReading = true
        state.attemptedAt = now
        return .read
    }

    private func wait() async {
        await withCheckedContinuation { continuation in
            let isOver = self.state.withLock { state in
                guard state.isReading else { return true }
                state.waiting.append(continuation)
                return false
            }
            if isOver { continuation.resume() }
        }
    }

    private func read() async {
        let keys = await self.fetch()
        // A reading that was cancelled with its request says nothing about the issuer: whoever waits reads again.
        let wasCancelled = keys == nil && Task.isCancelled
        let waiting = self.state.withLock { state in
            state.isReading = false
            state.hasFailed = keys == nil && !wasCancelled
            if wasCancelled { state.attemptedAt = nil }
            if let keys {
                state.keys = keys
                state.readAt = state.attemptedAt
            }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    private func fetch() async -> [String: IssuerKey]? {
        do {
            let url = try await self.keysURL()
            let response = try await self.client.get(url, accept: "application/jwk-set+json, application/json")
            guard response.status == 200, let keys = await IssuerKey.readSet(response.body, allowed: self.settings.algorithms) else {
                throw Fault(description: "\(url) answered \(response.status) or something that is no key set")
            }
            if keys.isEmpty { self.logger.warning("the token issuer has no key that can be used", metadata: ["url": "\(url)"]) }
            return keys
        } catch {
            self.logger.error("the token issuer's keys cannot be read", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// From the settings, or from the issuer's metadata: OpenID Connect Discovery's place, then RFC 8414's.
    private func keysURL() async throws -> String {
        if let url = self.settings.keysURL { return url }
        var answers: [String] = []
        for url in Self.metadataURLs(of: self.settings.issuer) {
            let response = try await self.client.get(url)
            guard response.status == 200, let document = try? JSONValue(parsing: response.body) else {
                answers.append("\(url) answered \(response.status)")
                continue
            }
            guard document["issuer"]?.string == self.settings.issuer else {
                throw Fault(description: "\(url) is another issuer's metadata")
            }
            guard let keysURL = document["jwks_uri"]?.string, self.isAcceptable(keysURL) else {
                throw Fault(description: "\(url) names no jwks_uri, or one without https at another host")
            }
            return keysURL
        }
        throw Fault(description: answers.joined(separator: ", "))
    }

    /// Metadata may point to another host, as large providers do, but not over plain HTTP.
    private func isAcceptable(_ url: String) -> Bool {
        url.hasPrefix("https://") || url.hasPrefix(Self.origin(of: self.settings.issuer) + "/")
    }

    private static func metadataURLs(of issuer: String) -> [String] {
        let trimmed = issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer
        let origin = self.origin(of: trimmed)
        return [
            "\(trimmed)/.well-known/openid-configuration",
            "\(origin)/.well-known/oauth-authorization-server\(trimmed.dropFirst(origin.count))",
        ]
    }

    private static func origin(of url: String) -> String {
        guard let slashes = url.firstRange(of: "://") else { return url }
        return String(url[..<slashes.upperBound] + url[slashes.upperBound...].prefix { $0 != "/" })
    }

    private struct Fault: Error, CustomStringConvertible {
        let description: String
    }
}
