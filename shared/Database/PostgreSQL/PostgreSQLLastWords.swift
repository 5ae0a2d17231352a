import CPostgres

/// What a server said when it ended a connection on which nothing was under way: libpq hands it out as a notice.
final class PostgreSQLLastWords {
    private var sqlState: String?

    /// Hears all notices of a connection from now on, which must be finished before this goes.
    func listen(to handle: OpaquePointer) {
        PQsetNoticeReceiver(
            handle,
            { context, result in
                guard let context, let result else { return }
                Unmanaged<PostgreSQLLastWords>.fromOpaque(context).takeUnretainedValue().hear(result)
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    private func hear(_ notice: OpaquePointer) {
        guard let severity = PQresultErrorField(notice, Self.severity), let state = PQresultErrorField(notice, Self.state),
            ["ERROR", "FATAL", "PANIC"].contains(String(cString: severity))
        else { return }
        self.sqlState = String(cString: state)
    }

    /// Why the connection has ended, if the server has told.
    var reason: DatabaseError? {
        guard let sqlState else { return nil }
        let told = DatabaseError(sqlState: sqlState)
        return [.timeout, .unavailable].contains(told.code) ? told : Self.reason("SQLSTATE \(sqlState)")
    }

    /// Why it has ended, in libpq's words.
    static func reason(_ text: String) -> DatabaseError {
        let line = text.split(whereSeparator: \.isNewline).first.map { " (\($0.prefix(300)))" } ?? ""
        return DatabaseError(code: .unavailable, message: "the connection to the database ended; try again later\(line)")
    }

    /// PG_DIAG_SEVERITY_NONLOCALIZED and PG_DIAG_SQLSTATE, which libpq's header defines as macros.
    private static let severity: Int32 = 0x56
    private static let state: Int32 = 0x43
}
