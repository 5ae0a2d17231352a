import HTTPTypes
import JSON
import NIOHTTP1
import RoostAPI
import Testing

/// Holds every REST answer that any test gets against what the OpenAPI document says about it.
enum Contract {
    /// Records an issue when an answer's status or body is not one that the operation documents. Objects count as closed, so that a member
    /// that the document leaves out is found too.
    static func check(_ method: HTTPMethod, _ path: String, _ answer: RunningRoost.Answer) throws {
        guard let operation = Self.operation(method, path) else { return }
        guard (200..<300).contains(answer.status) else {
            let problem = answer.json
            #expect(problem["status"]?.int == answer.status && problem["type"]?.string?.hasPrefix("urn:roost:problem:") == true)
            #expect(answer.headers.first(name: "Content-Type") == "application/problem+json", "\(operation.operationID)")
            return
        }
        let documented = [operation.success, operation.created].compactMap { $0 }.first { $0.status.code == answer.status }
        guard let documented else {
            Issue.record("\(operation.operationID) answers \(answer.status), which its document does not have")
            return
        }
        guard let schema = documented.schema else {
            #expect(answer.bytes.isEmpty, "\(operation.operationID) answers a body, which its document does not have")
            return
        }
        let violations = try JSONSchema(compiling: Self.closed(schema)).validate(answer.json)
        #expect(violations.isEmpty, "\(operation.operationID): \(violations.map { "\($0)" }.joined(separator: "; "))")
    }

    private static func operation(_ method: HTTPMethod, _ path: String) -> RoostAPI.Operation? {
        let path = path.prefix { $0 != "?" }
        guard path.hasPrefix(RoostAPI.Operation.pathPrefix) else { return nil }
        let segments = path.dropFirst(RoostAPI.Operation.pathPrefix.count).split(separator: "/")
        return RoostAPI.Operation.all.first { operation in
            let pattern = operation.path.split(separator: "/")
            return operation.method.rawValue == method.rawValue && pattern.count == segments.count
                && zip(pattern, segments).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
        }
    }

    /// The schema with `additionalProperties: false` wherever it names properties and says nothing of others.
    private static func closed(_ schema: JSONValue) -> JSONValue {
        switch schema {
        case .object(var object):
            for (key, value) in object { object[key] = Self.closed(value) }
            if object["type"]?.string == "object", object["properties"] != nil, object["additionalProperties"] == nil {
                object["additionalProperties"] = false
            }
            return .object(object)
        case .array(let items): return .array(items.map(Self.closed))
        default: return schema
        }
    }
}
