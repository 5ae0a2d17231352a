package import Model

/// The id of one event, from which it follows what a client that names it lost.
///
/// It names its stream, as 2025-11-25 wishes, and streams are looked up in the session that the request names alone: somebody else's event
/// id is as good as none. The number makes it unique within the stream.
package enum StreamEventID: Sendable, Hashable, CustomStringConvertible {
    /// An event of the stream that answers a call: `str_…:2`.
    case answer(SessionStreamID, Int64)
    /// An event of a stream that belongs to no request, with the tools that its client knows of by then: `str_…:2.9c0d…`. Nothing of such a
    /// stream is kept. Whoever comes back to any replica is told what is different now.
    case notices(SessionStreamID, Int64, ToolListMark?)

    /// Reads an id; nil for what is none of ours.
    package init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let stream = SessionStreamID(String(parts[0])) else { return nil }
        let rest = parts[1].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = rest.first, first.count <= 18, first.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int64(first)
        else { return nil }
        guard rest.count == 2 else {
            self = .answer(stream, number)
            return
        }
        let mark = rest[1].isEmpty ? nil : ToolListMark(rest[1])
        guard rest[1].isEmpty || mark != nil else { return nil }
        self = .notices(stream, number, mark)
    }

    package var description: String {
        switch self {
        case .answer(let stream, let number): "\(stream):\(number)"
        case .notices(let stream, let number, let mark): "\(stream):\(number).\(mark?.description ?? "")"
        }
    }
}
