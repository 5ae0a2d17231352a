import Foundation

/// What the parent learns of its children.
enum ChildEvent: Sendable {
    case line(child: Int, String)
    case ended(child: Int, status: Int32)
    case tick
}

/// One child process of the soak.
final class Child {
    let id: Int
    private let process = Process()
    private let input = Pipe()

    /// Starts this executable again with other arguments; what it says and its end come as events.
    init(id: Int, arguments: [String], events: AsyncStream<ChildEvent>.Continuation) throws {
        self.id = id
        self.process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        self.process.arguments = arguments
        let output = Pipe()
        self.process.standardOutput = output
        self.process.standardInput = self.input
        try self.process.run()
        let reader = output.fileHandleForReading
        let process = self.process
        Thread.detachNewThread {
            var rest: [UInt8] = []
            while true {
                let bytes = reader.availableData
                if bytes.isEmpty { break }
                rest += bytes
                while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                    events.yield(.line(child: id, String(decoding: rest[..<end], as: UTF8.self)))
                    rest.removeSubrange(...end)
                }
            }
            process.waitUntilExit()
            events.yield(.ended(child: id, status: process.terminationStatus))
        }
    }

    func send(_ signal: Int32) { kill(self.process.processIdentifier, signal) }
}
