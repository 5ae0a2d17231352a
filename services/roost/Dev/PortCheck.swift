#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Whether a TCP port of the loopback address can be listened on right now.
enum PortCheck {
    /// - Throws: ``UsageError`` that names the port when it is taken.
    static func requireFree(_ port: Int) throws {
        guard try Self.listenOnce(port) != nil else {
            throw UsageError("Port \(port) is taken. Stop what listens there, or set ROOST_PORT to another port.")
        }
    }

    /// A port that is free now.
    static func findFree() throws -> Int {
        guard let port = try Self.listenOnce(0) else { throw UsageError("No port is free.") }
        return port
    }

    /// Listens for a moment, and says on which port; nil when that was not possible.
    private static func listenOnce(_ port: Int) throws -> Int? {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { throw UsageError("No socket can be opened: error \(errno).") }
        defer { close(socket) }
        // As the service itself does, so that a port in TIME_WAIT counts as free.
        var reuse: Int32 = 1
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                guard bind(socket, generic, length) == 0, listen(socket, 1) == 0, getsockname(socket, generic, &length) == 0 else {
                    return nil
                }
                return Int(in_port_t(bigEndian: address.pointee.sin_port))
            }
        }
    }
}
