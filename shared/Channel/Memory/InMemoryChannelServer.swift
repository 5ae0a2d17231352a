import ServiceLifecycle
import Synchronization

/// The server half of the channel without a network, for tests of what is built on the channel. It keeps to the same contract, which
/// the same suite of tests proves.
package final class InMemoryChannelServer: ChannelServer {
    private let handler: any ChannelHandler
    private let key: ChannelKey?
    private let jobs: JobQueue<MemoryExchange>
    /// The exchanges whose bodies are held, until they are over.
    private let held = Mutex<[MemoryExchange]>([])
    let limits: ChannelLimits

    /// Makes a server; give it to one or more ``InMemoryChannelClient``s and run it.
    package init(handler: any ChannelHandler, key: ChannelKey? = nil, limits: ChannelLimits = ChannelLimits()) {
        self.handler = handler
        self.key = key
        self.limits = limits
        self.jobs = JobQueue(maxJobs: limits.maxConcurrentHandlers)
    }

    /// A made-up address, because there is nothing to connect to.
    package var address: ChannelAddress {
        get async throws(ChannelError) { ChannelAddress(host: "in-memory", port: 0) }
    }

    package func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await self.jobs.run { await self.serve($0) }
            }
            group.addTask {
                try? await gracefulShutdown()
                self.stop()
                try? await Task.sleep(for: self.limits.drainTimeout)
            }
            await group.next()
            group.cancelAll()
        }
        for exchange in self.held.withLock({ $0 }) { exchange.end(ChannelError(.connectionLost, "The server has stopped.")) }
    }

    /// Takes an exchange from a client.
    func accept(_ exchange: MemoryExchange, key: ChannelKey?) throws(ChannelError) {
        if let expected = self.key {
            let nonce = ConnectionNonce()
            guard let shown = key?.proof(for: nonce), shown == expected.proof(for: nonce) else {
                throw ChannelError(.unauthenticated, "The server does not accept this client's channel key.")
            }
        }
        do {
            try self.jobs.push(exchange)
        } catch {
            switch error {
            case .full: throw ChannelError(.notProcessed, "The server runs as many handlers as it may.")
            case .finished: throw ChannelError(.unavailable, "The server has stopped.")
            }
        }
    }

    private func stop() {
        for exchange in self.jobs.finish() {
            exchange.end(ChannelError(.notProcessed, "The server stopped before it looked at the request."))
        }
    }

    private func serve(_ exchange: MemoryExchange) async {
        await withTaskGroup(of: Void.self) { group in
            if let deadline = exchange.request.deadline {
                group.addTask {
                    guard (try? await ContinuousClock().sleep(until: deadline)) != nil else { return }
                    exchange.end(ChannelError(.deadlineExceeded, "The request's time was up before the response was complete."))
                }
            }
            group.addTask {
                await exchange.handlerTask.run { await self.answer(exchange) }
            }
            // Whichever comes first ends the other; leaving the group waits for the handler in any case.
            await group.next()
            group.cancelAll()
        }
    }

    private func answer(_ exchange: MemoryExchange) async {
        do {
            var request = exchange.request
            request.body = exchange.requestBody
            let response = try await self.handler.respond(to: request)
            try MessageRules.check(response, limits: self.limits)
            exchange.respond(response)
            if let holder = response.body.holder {
                self.held.withLock { held in
                    held.removeAll(where: \.isOver)
                    held.append(exchange)
                }
                return exchange.leave(to: holder)
            }
            try await response.body.produce(into: exchange.responseWriter)
            exchange.finishResponse()
        } catch {
            exchange.end(ChannelError(.handlerFailed, "The handler failed; the server's log says why."))
        }
    }
}
