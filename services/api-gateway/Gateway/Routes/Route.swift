import RoostAPI

/// An operation of the REST API with the code that carries it out.
struct Route: Sendable {
    let operation: Operation
    let handle: @Sendable (RouteCall) async throws -> RouteAnswer

    init(_ operation: Operation, handle: @escaping @Sendable (RouteCall) async throws -> RouteAnswer) {
        self.operation = operation
        self.handle = handle
    }
}
