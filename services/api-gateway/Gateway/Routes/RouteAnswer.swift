package import HTTPTypes
package import JSON
import RoostAPI

/// What a route answers when it succeeds.
package struct RouteAnswer: Sendable {
    package let status: HTTPResponse.Status
    package let body: JSONText?
    package let headers: HTTPFields

    private init(status: HTTPResponse.Status, body: JSONText?, headers: HTTPFields = [:]) {
        self.status = status
        self.body = body
        self.headers = headers
    }

    package static func ok(_ body: JSONValue) -> RouteAnswer { RouteAnswer(status: .ok, body: JSONText(body)) }

    static func ok(_ body: JSONText) -> RouteAnswer { RouteAnswer(status: .ok, body: body) }

    /// 201 with the new thing's place below the API's prefix; nil for what has no place of its own to be read at.
    package static func created(_ body: JSONValue, at location: String? = nil) -> RouteAnswer {
        RouteAnswer(
            status: .created, body: JSONText(body), headers: location.map { [.location: Operation.pathPrefix + $0] } ?? [:])
    }

    package static var noContent: RouteAnswer { RouteAnswer(status: .noContent, body: nil) }

    /// One page of a list, with the cursor of the next one where there is one.
    package static func page(_ items: [JSONValue], nextCursor: String?) -> RouteAnswer {
        .ok(["items": .array(items), "next_cursor": nextCursor.map { .string($0) } ?? .null])
    }
}
