package import HTTPTypes
package import JSON

/// A refused or failed request as RFC 9457 describes it: `application/problem+json` with a stable type, a status and what to do.
///
/// Throwing one is how a handler refuses. Whatever else a handler throws becomes a 500 that tells nothing but an id (``ErrorMapping``).
package struct Problem: Error, Sendable {
    package let status: HTTPResponse.Status
    /// A stable kebab-case word; the problem's `type` is `urn:roost:problem:<code>`.
    package let code: String
    /// What happened and what to do about it. Never holds a secret, SQL or an internal cause.
    package let detail: String
    /// Faults of single fields: a JSON Pointer into the request and what is wrong there.
    package let faults: [Fault]
    /// How many more faults there are than `faults` lists.
    package let unlistedFaultCount: Int
    /// Fields that the answer carries beside the problem, such as `Retry-After`.
    package let headers: HTTPFields

    /// What is wrong with one field.
    package struct Fault: Sendable, Hashable {
        package let pointer: String
        package let message: String

        package init(pointer: String, message: String) {
            self.pointer = pointer
            self.message = message
        }
    }

    package init(
        _ status: HTTPResponse.Status, _ code: String, _ detail: String, faults: [Fault] = [], unlistedFaultCount: Int = 0,
        headers: HTTPFields = [:]
    ) {
        self.status = status
        self.code = code
        self.detail = detail
        self.faults = faults
        self.unlistedFaultCount = unlistedFaultCount
        self.headers = headers
    }

    /// The body.
    package var json: JSONValue {
        var object: JSONObject = [
            "type": .string("urn:roost:problem:\(self.code)"),
            "title": .string(self.status.reasonPhrase),
            "status": .number(JSONNumber(self.status.code)),
            "detail": .string(self.detail),
        ]
        if !self.faults.isEmpty {
            object["errors"] = .array(
                self.faults.map { .object(["pointer": .string($0.pointer), "detail": .string($0.message)]) }
            )
        }
        if self.unlistedFaultCount > 0 { object["unlisted_error_count"] = .number(JSONNumber(self.unlistedFaultCount)) }
        return .object(object)
    }
}

extension Problem {
    package static func badRequest(_ detail: String, faults: [Fault] = [], unlistedFaultCount: Int = 0) -> Problem {
        Problem(.badRequest, "bad-request", detail, faults: faults, unlistedFaultCount: unlistedFaultCount)
    }

    /// The one answer for what does not exist and for what belongs to somebody else: the two must not be told apart.
    package static func notFound(_ what: String) -> Problem {
        Problem(.notFound, "not-found", "There is no such \(what).")
    }

    package static func conflict(_ detail: String) -> Problem {
        Problem(.conflict, "conflict", detail)
    }

    package static func forbidden(_ detail: String) -> Problem {
        Problem(.forbidden, "forbidden", detail)
    }

    /// A write got no answer. It is no 503, which clients and proxies repeat by themselves.
    package static func outcomeUnknown(_ whatToDo: String) -> Problem {
        Problem(.internalServerError, "outcome-unknown", "The database went away before it confirmed the write. \(whatToDo)")
    }

    /// Nothing was done (RFC 6585, section 4).
    package static func tooManyRequests(retryAfterSeconds: Int) -> Problem {
        Problem(
            .tooManyRequests, "too-many-requests",
            "The key, the account or the organization asks more often than it may; wait as long as Retry-After says.",
            headers: [.retryAfter: String(retryAfterSeconds)])
    }

    package static func unavailable(_ detail: String, retryAfterSeconds: Int = 1) -> Problem {
        Problem(.serviceUnavailable, "unavailable", detail, headers: [.retryAfter: String(retryAfterSeconds)])
    }
}
