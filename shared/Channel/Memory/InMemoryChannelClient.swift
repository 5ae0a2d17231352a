import ServiceLifecycle

/// The client half of the channel without a network; see ``InMemoryChannelServer``.
package final class InMemoryChannelClient: ChannelClient {
    private let server: InMemoryChannelServer
    private let key: ChannelKey?
    private let limits: ChannelLimits
    private let producers: JobQueue<MemoryExchange>

    package init(server: InMemoryChannelServer, key: ChannelKey? = nil, limits: ChannelLimits = ChannelLimits()) {
        self.server = server
        self.key = key
        self.limits = limits
        self.producers = JobQueue(maxJobs: limits.maxStreamsPerConnection)
    }

    package func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await self.producers.run { exchange in
                    await exchange.producerTask.run { await Self.produce(exchange) }
                }
            }
            group.addTask {
                try? await gracefulShutdown()
                for exchange in self.producers.finish() { exchange.end(Self.stopped) }
                try? await Task.sleep(for: self.limits.drainTimeout)
            }
            await group.next()
            group.cancelAll()
        }
    }

    package func send(_ request: ChannelRequest) async throws(ChannelError) -> ChannelResponse {
        guard !self.producers.isFinished else { throw Self.stopped }
        try MessageRules.check(request, limits: self.limits)
        guard request.remaining != .zero else { throw ChannelError(.deadlineExceeded, "The request's time was up before it was sent.") }
        let exchange = MemoryExchange(request: request, limits: self.limits)
        if request.body.availableBytes != nil {
            exchange.finishRequest()
        } else {
            do {
                try self.producers.push(exchange)
            } catch {
                switch error {
                case .full: throw ChannelError(.overloaded, "This client streams as many request bodies as it may.")
                case .finished: throw Self.stopped
                }
            }
        }
        do {
            try self.server.accept(exchange, key: self.key)
        } catch {
            exchange.end(error)
            throw error
        }
        return try await exchange.head().get()
    }

    private static let stopped = ChannelError(.shutDown, "This client has been stopped.")

    private static func produce(_ exchange: MemoryExchange) async {
        do {
            try await exchange.request.body.produce(into: exchange.requestWriter)
            exchange.finishRequest()
        } catch {
            exchange.end((error as? ChannelError) ?? ChannelError(.cancelled, "The producer of the request's body failed."))
        }
    }
}
