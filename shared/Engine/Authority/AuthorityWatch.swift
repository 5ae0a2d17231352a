import ServiceLifecycle
package import Store

/// Has an ``AuthorityCache`` forget what is announced to have changed, so that a change binds the next call and not the first one after
/// the cache's freshness. The cache asks after that time all the same: whatever is not heard, or cannot be, costs no more.
package struct AuthorityWatch: Service {
    private let cache: AuthorityCache
    private let store: Store

    package init(_ cache: AuthorityCache, store: Store) {
        self.cache = cache
        self.store = store
    }

    /// Listens until the graceful shutdown.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            if let changes = self.store.organizations.changes() {
                for await change in changes {
                    switch change {
                    case .anything: self.cache.forget(nil)
                    case .of(let organization): self.cache.forget(organization)
                    }
                }
            }
        }
        // A database without announcements, or one that was closed, is no reason to end the process.
        try await gracefulShutdown()
    }
}
