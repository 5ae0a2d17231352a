package import Logging

/// How a process logs.
///
/// Configuration keys:
/// - `roost.log.level` (one of trace, debug, info, notice, warning, error, critical; default info): what is logged at least.
package struct LogSettings: Sendable {
    package let level: Logger.Level

    package init(_ reader: inout SettingsReader) {
        self.level = reader.choice("roost.log.level", default: Logger.Level.info, "The lowest level that is logged.")
    }

    /// Makes the process's root logger, which writes to standard error, and sends every library's logs the same way. Call once.
    package func bootstrap(label: String) -> Logger {
        let level = self.level
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
        return Logger(label: label)
    }
}
