import CPostgres

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

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
            ("keepalives_idle", "30"),
            ("keepalives_interval", "10"),
            ("keepalives_count", "3"),
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

    /// Reads what has come; false when the connection has ended.
    ///
    /// libpq reads once and looks no further, and a dispatch source that was told that the other side hung up is never heard of again: the
    /// last words of a server (`57P01`, say) come together with its end, so that everything up to the end has to be read now.
    static func takeInput(_ handle: OpaquePointer, from descriptor: Int32) -> Bool {
        repeat {
            guard PQconsumeInput(handle) == 1 else { return false }
        } while self.hasHungUp(descriptor)
        return true
    }

    private static func hasHungUp(_ descriptor: Int32) -> Bool {
        var state = pollfd(fd: descriptor, events: 0, revents: 0)
        return poll(&state, 1, 0) == 1
    }

    /// A descriptor of our own for what another one means; negative when the process has none left.
    static func duplicate(_ descriptor: Int32) -> Int32 { fcntl(descriptor, F_DUPFD_CLOEXEC, 0) }

    /// Closes one of our own; a negative one is none.
    static func close(_ descriptor: Int32) {
        #if canImport(Glibc)
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
        #else
        if descriptor >= 0 { _ = Darwin.close(descriptor) }
        #endif
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
