internal import AsyncHTTPClient
package import Logging
internal import Model
internal import NIOCore
internal import ServiceLifecycle

/// The only way out for anything that an agent, a user or a document can influence.
///
/// Each request's URL is read into one strict form; its host is resolved and every address checked; the connection goes to an address
/// that was checked; and each redirect goes through the same gate. Nothing is retried but a safe request without an answer on a
/// connection that the server had closed. Everything is bounded by ``EgressLimits``.
package final class EgressClient: Service {
    private let gate: Gate
    private let lanes: LaneTable
    private let resolver: any AddressResolver
    private let limits: EgressLimits
    private let logger: Logger

    /// Makes a client. It must be run as a service, or closed with ``shutdown()``.
    ///
    /// - Parameters:
    ///   - limits: The bounds.
    ///   - allowList: Hosts that may be reached although they are not public.
    ///   - additionalTrustRoots: Certificate authorities to trust beside the system's, as PEM texts.
    ///   - policy: What counts as public; tests have nothing but loopback.
    ///   - resolver: Where names are looked up; nil for the system's way.
    ///   - logger: Gets one line for every refused address.
    package init(
        limits: EgressLimits = EgressLimits(), allowList: EgressAllowList = .empty, additionalTrustRoots: [String] = [],
        policy: AddressPolicy = .publicInternet, resolver: (any AddressResolver)? = nil, logger: Logger
    ) throws(EgressError) {
        let trust = try TrustRoots(additionalPEM: additionalTrustRoots)
        self.limits = limits
        self.logger = logger
        self.resolver = resolver ?? SystemResolver()
        self.lanes = LaneTable(limits: limits, trust: trust)
        self.gate = Gate(policy: policy, allowList: allowList, book: AddressBook(resolver: self.resolver, limits: limits))
    }

    /// Keeps the client open until the service group stops, then closes it.
    package func run() async throws {
        try? await gracefulShutdown()
        await self.shutdown()
    }

    /// Closes all connections; requests under way fail. May be called more than once.
    package func shutdown() async {
        await self.lanes.shutdown()
        await self.resolver.shutdown()
    }

    /// Sends a request and returns the whole answer, whatever its status. Ends at once when the task is cancelled.
    package func send(_ request: EgressRequest) async throws(EgressError) -> EgressResponse {
        try self.validate(request)
        let deadline = ContinuousClock.now + min(max(request.timeout ?? self.limits.maxTime, .zero), self.limits.maxTime)
        var hop = try Hop(first: request, limits: self.limits)
        var redirects = 0
        var wasSent = false
        while true {
            let answer: Exchange.Answer
            do {
                answer = try await self.perform(hop, request: request, deadline: deadline)
            } catch {
                if error.code == .addressRefused { self.logger.notice("egress refused", metadata: ["host": "\(hop.url.authority)"]) }
                throw error.sent(wasSent)
            }
            wasSent = true
            guard request.followsRedirects, let location = answer.redirect else {
                return EgressResponse(status: answer.status, headers: answer.headers, body: answer.body, url: hop.url.text)
            }
            redirects += 1
            guard redirects <= self.limits.maxRedirects else {
                throw EgressError(
                    .tooManyRedirects, "The server redirected more than \(self.limits.maxRedirects) times.", mayHaveBeenSent: true)
            }
            do {
                hop = try hop.following(location, status: answer.status, limits: self.limits)
            } catch {
                throw EgressError(error.code, "A redirect's target cannot be used. \(error.message)", mayHaveBeenSent: true)
            }
        }
    }

    private func validate(_ request: EgressRequest) throws(EgressError) {
        guard EgressHeaders.isName(request.method), request.method != "CONNECT", request.method == request.method.uppercased() else {
            throw .invalidRequest("The method must be an upper-case HTTP method other than CONNECT.")
        }
        guard (request.body?.count ?? 0) <= self.limits.maxRequestBytes else {
            throw .invalidRequest("The body is larger than \(self.limits.maxRequestBytes) bytes (roost.egress.max_request_bytes).")
        }
        guard request.method != "TRACE" || request.body == nil else { throw .invalidRequest("A TRACE request has no body.") }
        var byteCount = 0
        for (name, value) in request.headers + request.secretHeaders.map({ ($0.name, $0.value.reveal()) }) {
            guard EgressHeaders.isName(name), !EgressHeaders.isReserved(name) else {
                throw .invalidRequest("The header \"\(name.filter { $0.isASCII && !$0.isNewline }.prefix(64))\" cannot be set.")
            }
            guard EgressHeaders.isValue(value) else {
                throw .invalidRequest("The header \(name) has a value with control characters, or with space around it.")
            }
            byteCount += name.utf8.count + value.utf8.count + 4
        }
        guard byteCount <= self.limits.maxHeaderBytes else {
            throw .invalidRequest("The headers are larger than \(self.limits.maxHeaderBytes) bytes (roost.egress.max_header_bytes).")
        }
    }
}

extension EgressClient {
    /// Sends one hop to the first of its host's addresses that takes a connection.
    private func perform(
        _ hop: Hop, request: EgressRequest, deadline: ContinuousClock.Instant
    ) async throws(EgressError) -> Exchange.Answer {
        let addresses = try await self.gate.admit(hop, deadline: deadline)
        let keys = self.lanes.keys(for: hop.url, addresses: addresses).prefix(self.limits.maxAddresses)
        let maxBytes = min(request.maxResponseBytes ?? .max, self.limits.maxResponseBytes)
        let boundKey = maxBytes == self.limits.maxResponseBytes ? "roost.egress.max_response_bytes" : nil
        var retriesLeft = hop.isSafe ? 1 : 0
        var wasSent = false
        var index = keys.startIndex
        while true {
            let exchange = Exchange(
                method: hop.method, maxBytes: maxBytes, boundKey: boundKey, dropsRedirects: request.followsRedirects)
            let failure: EgressError
            do {
                return try await self.exchange(hop, on: keys[index], exchange: exchange, deadline: deadline)
            } catch let error as EgressError {
                throw error
            } catch {
                failure = EgressError(failure: error, authority: hop.url.authority, exchange: exchange).sent(wasSent)
            }
            if failure.code == .connectFailed || failure.isConnectTimeout, index + 1 < keys.endIndex, deadline > .now {
                index += 1
            } else if failure.isClosedConnection, !exchange.isAnswered, retriesLeft > 0 {
                // A kept connection that the server closes as the request leaves is no answer to the request (RFC 9110, section 9.2.2).
                retriesLeft -= 1
                wasSent = true
            } else if failure.isWaitForConnection, deadline > .now {
                // All connections to the host are busy. The request has not left and may wait for one as long as it has time.
                continue
            } else {
                throw failure
            }
        }
    }

    private func exchange(
        _ hop: Hop, on key: Lane.Key, exchange: Exchange, deadline: ContinuousClock.Instant
    ) async throws -> Exchange.Answer {
        let wireRequest = try hop.wireRequest()
        return try await self.lanes.withLane(key) { lane in
            try await lane.send(wireRequest, collectingInto: exchange, deadline: .now() + TimeAmount(deadline - .now))
        }
    }
}
