import Glibc
import Testing

/// A connection to the gateway over which a test writes bytes that no HTTP client would.
final class RawConnection: Sendable {
    private let socket: Int32

    /// - Parameter receiveBuffer: The room in the socket for what is not read, in bytes; the system's choice by default.
    init(_ roost: RunningRoost, receiveBuffer: Int32? = nil) throws {
        let port = try #require(roost.url.split(separator: ":").last.flatMap { UInt16($0) })
        self.socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(self.socket >= 0)
        // Far beyond what an answer takes; without it a gateway that neither answers nor closes would hang the test.
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(self.socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        if var receiveBuffer { setsockopt(self.socket, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<Int32>.size)) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(self.socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        try #require(status == 0, "the gateway does not take the connection")
    }

    deinit { close(self.socket) }

    /// Writes all of the text; what follows it may be left out with `isLast`, as by a client that leaves.
    func write(_ text: String, isLast: Bool = false) throws {
        let bytes = Array(text.utf8)
        try #require(send(self.socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
        if isLast { shutdown(self.socket, Int32(SHUT_WR)) }
    }

    /// Writes all of the text; false when the gateway has ended the connection.
    func writes(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return send(self.socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
    }

    /// What comes up to the end of the first `marker`, or until the gateway closes.
    func readUntil(_ marker: String) -> String {
        var (all, byte) = ([UInt8](), UInt8(0))
        while !all.ends(with: marker.utf8), recv(self.socket, &byte, 1, 0) == 1 { all.append(byte) }
        return String(decoding: all, as: UTF8.self)
    }

    /// Everything that comes until the gateway closes.
    func readAll() -> String { String(decoding: self.readAllBytes(), as: UTF8.self) }

    /// Everything that comes until the gateway closes, as bytes.
    func readAllBytes() -> [UInt8] {
        var (all, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 1 << 16))
        while true {
            let count = recv(self.socket, &buffer, buffer.count, 0)
            guard count > 0 else { return all }
            all += buffer[..<count]
        }
    }

    /// Writes one request on a connection of its own and gives all that is answered.
    static func exchange(_ roost: RunningRoost, _ text: String, isLast: Bool = false) throws -> String {
        let connection = try RawConnection(roost)
        try connection.write(text, isLast: isLast)
        return connection.readAll()
    }
}

extension [UInt8] {
    fileprivate func ends(with bytes: String.UTF8View) -> Bool { self.suffix(bytes.count).elementsEqual(bytes) }
}
