import CPostgres

/// Calls of libpq that take more than a line.
enum PostgreSQLHandle {
    /// Connects; blocks for as long as that takes. The caller looks at the status, and finishes the connection whatever it is.
    static func connect(_ configuration: PostgreSQLConfiguration) -> OpaquePointer? {
        // The connection string goes before what stands above it, and what stands below goes before the connection string.
        let options = [
            ("connect_timeout", "\(max(2, configuration.connectTimeout.components.seconds))"),
            ("application_name", "roost"),
            // Looks for Kerberos tickets, which costs time.
            ("gssencmode", "disable"),
            // What was sent and is not acknowledged; and a connection on which nothing is sent, which is probed. Linux takes the first
            // for both, others count the probes.
            ("tcp_user_timeout", "\(configuration.peerTimeout.milliseconds)"),
            ("keepalives_idle", "1"),
            ("keepalives_interval", "1"),
            ("keepalives_count", "\(max(1, configuration.peerTimeout.components.seconds - 1))"),
            ("dbname", configuration.connectionString),
            ("client_encoding", "UTF8"),
        ]
        return self.withCStrings(options.map(\.0)) { keywords in
            self.withCStrings(options.map(\.1)) { values in PQconnectdbParams(keywords, values, 1) }
        }
    }

    /// Sends a statement: by the name that it was prepared under, or its text.
    static func execute(_ handle: OpaquePointer, _ name: String?, _ sql: String, _ parameters: PostgreSQLParameters) -> Int32 {
        parameters.withArguments { count, values, lengths, formats in
            if let name { return PQsendQueryPrepared(handle, name, count, values, lengths, formats, 1) }
            return PQsendQueryParams(handle, sql, count, parameters.types, values, lengths, formats, 1)
        }
    }

    /// Lends texts as a null-terminated array of C strings.
    private static func withCStrings<Result>(_ texts: [String], _ body: ([UnsafePointer<CChar>?]) -> Result) -> Result {
        func lend(_ rest: ArraySlice<String>, _ pointers: [UnsafePointer<CChar>?]) -> Result {
            guard let first = rest.first else { return body(pointers + [nil]) }
            return first.withCString { lend(rest.dropFirst(), pointers + [$0]) }
        }
        return lend(texts[...], [])
    }
}

/// What it takes to ask a server to stop what one connection is at.
///
/// `@unchecked Sendable`: libpq documents that a cancel object is independent of its connection and may be used from any thread; this
/// object alone holds it, uses it once, and frees it.
final class PostgreSQLCancellation: @unchecked Sendable {
    private let cancellation: OpaquePointer

    init?(_ handle: OpaquePointer) {
        guard let cancellation = PQgetCancel(handle) else { return nil }
        self.cancellation = cancellation
    }

    deinit { PQfreeCancel(self.cancellation) }

    /// Connects and asks; blocks until the server has delivered it. Whether it was of use shows on the connection itself.
    func send() {
        var message = [CChar](repeating: 0, count: 256)
        _ = PQcancel(self.cancellation, &message, Int32(message.count))
    }
}
