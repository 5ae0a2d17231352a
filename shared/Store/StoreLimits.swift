/// The bounds that repositories enforce, whoever calls. Counts are checked in the transaction that adds the row.
package struct StoreLimits: Sendable, Hashable {
    /// Items on a page whose request names no number.
    package var defaultPageSize = 50
    /// Items on a page at most; a request for more gets this many.
    package var maxPageSize = 200
    /// Bytes of an execution's stored outcome.
    package var maxOutcomeBytes = 1 << 20
    /// Calls of an execution that are given with it; how many there are is counted.
    package var maxListedCalls = 100
    /// Bytes of one stored document.
    package var maxBlobBytes = 64 << 20
    /// Bytes of a name, slug or similar label.
    package var maxNameBytes = 512
    /// Bytes of a description or other free text.
    package var maxTextBytes = 64 << 10
    /// Bytes of one JSON column: a schema, a binding, a configuration, client capabilities.
    package var maxJSONBytes = 4 << 20
    /// Tools of one integration.
    package var maxToolsPerIntegration = 50_000
    /// Shared schema definitions of one integration.
    package var maxDefinitionsPerIntegration = 50_000
    /// Integrations of one organization.
    package var maxIntegrations = 1000
    /// Connections of one organization.
    package var maxConnections = 10_000
    /// Policies of one organization; all are read together.
    package var maxPolicies = 1000
    /// Keys of one organization that are not revoked, and of the installation.
    package var maxKeys = 1000
    /// Sealed values of one connection.
    package var maxSecretsPerOwner = 32
    /// Bytes of one sealed value.
    package var maxSealedBytes = 64 << 10
    /// Sealed values that one transaction seals anew.
    package var resealBatch = 100
    /// Data keys of one organization, the retired ones included.
    package var maxDataKeys = 1000
    /// Replicas that a listing returns.
    package var maxReplicas = 1000
    /// Rows that one sweep ends or one purge removes.
    package var sweepBatch = 100
    /// How long a replica's heartbeat keeps what it owns.
    package var replicaLease: Duration = .seconds(5)
    /// A key's last use and a session's last activity are written again only when the stored time is older than this.
    package var touchInterval: Duration = .seconds(60)

    package init() {}
}
