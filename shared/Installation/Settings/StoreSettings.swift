package import Replicas
import Service
package import Store

/// What an organization may keep, and how processes know that the others live.
///
/// Configuration keys: the bounds below. All processes of an installation need the same ones, the lease above all.
package struct StoreSettings: Sendable {
    package let limits: StoreLimits
    package let registration: ReplicaRegistration.Limits

    init(_ reader: inout SettingsReader) {
        var limits = StoreLimits()
        limits.maxPageSize = reader.integer(
            "roost.store.max_page_size", default: limits.maxPageSize, in: 50...200, "Items on a page at most; 50 without a `limit`.")
        limits.maxOutcomeBytes = reader.byteCount(
            "roost.store.max_outcome_bytes", default: limits.maxOutcomeBytes, in: 64 << 10...64 << 20, "An execution's stored outcome.")
        limits.maxBlobBytes = reader.byteCount(
            "roost.store.max_document_bytes", default: limits.maxBlobBytes, in: 1 << 20...512 << 20, "One stored API document.")
        limits.maxToolsPerIntegration = reader.integer(
            "roost.store.max_tools_per_integration", default: limits.maxToolsPerIntegration, in: 1...1_000_000, "Tools of one integration.")
        limits.maxIntegrations = reader.integer(
            "roost.store.max_integrations", default: limits.maxIntegrations, in: 1...100_000, "Integrations of one organization.")
        limits.maxConnections = reader.integer(
            "roost.store.max_connections", default: limits.maxConnections, in: 1...1_000_000, "Connections of one organization.")
        limits.maxPolicies = reader.integer(
            "roost.store.max_policies", default: limits.maxPolicies, in: 1...10_000, "Policies of one organization.")
        limits.maxKeys = reader.integer(
            "roost.store.max_keys", default: limits.maxKeys, in: 1...100_000, "Keys of one organization that are not revoked.")
        var registration = ReplicaRegistration.Limits()
        registration.heartbeatInterval = reader.duration(
            "roost.replica.heartbeat_interval", default: registration.heartbeatInterval, in: .milliseconds(50) ... .seconds(60),
            "The pause between signs of life in the database.")
        limits.replicaLease = reader.duration(
            "roost.replica.lease", default: limits.replicaLease, in: .milliseconds(200) ... .seconds(600),
            "How long a sign of life keeps what a process owns.")
        registration.leaseMargin = reader.duration(
            "roost.replica.lease_margin", default: registration.leaseMargin, in: .milliseconds(50) ... .seconds(60),
            "How much earlier than the database a process gives its own lease up.")
        if registration.heartbeatInterval + registration.leaseMargin >= limits.replicaLease {
            reader.fault("roost.replica.lease", "must be longer than heartbeat_interval and lease_margin together")
        }
        self.limits = limits
        self.registration = registration
    }
}
