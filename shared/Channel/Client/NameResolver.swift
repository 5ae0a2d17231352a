internal import Dispatch
internal import NIOCore
internal import NIOPosix

#if canImport(Glibc)
private import Glibc
#elseif canImport(Musl)
private import Musl
#else
private import Darwin
#endif

/// Looks up the name of one peer with the system's `getaddrinfo`, on a thread of its own.
///
/// NIO's resolver gives each event loop one queue, on which one look-up follows the other. The name of a container that has died is
/// denied only when a name server has given up asking others, after ten seconds and more, and every other peer would wait for that.
/// The call cannot be interrupted: who waits leaves by the connect timeout, and the thread returns when the system gives up.
final class NameResolver: Resolver, Sendable {
    typealias LookUp = @Sendable (_ host: String, _ port: Int) throws -> [SocketAddress]

    /// Why a name has no addresses.
    struct Failure: Error, CustomStringConvertible {
        /// The `EAI_…` code.
        let code: Int32

        var description: String { String(cString: gai_strerror(self.code)) }
    }

    private let lookUp: LookUp
    private let addressesV4: EventLoopPromise<[SocketAddress]>
    private let addressesV6: EventLoopPromise<[SocketAddress]>

    /// A resolver for one connection that is made on `eventLoop`.
    init(eventLoop: any EventLoop, lookUp: @escaping LookUp = NameResolver.lookUp) {
        self.lookUp = lookUp
        self.addressesV4 = eventLoop.makePromise()
        self.addressesV6 = eventLoop.makePromise()
    }

    /// The IPv4 addresses, which come with the answer that ``initiateAAAAQuery(host:port:)`` asks for.
    func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> { self.addressesV4.futureResult }

    /// Asks for the addresses of both families in one look-up.
    func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        if let address = try? SocketAddress(ipAddress: host, port: port) {
            self.finish([address])
        } else {
            DispatchQueue(label: "roost.channel.resolver").async {
                do { self.finish(try self.lookUp(host, port)) } catch { self.fail(error) }
            }
        }
        return self.addressesV6.futureResult
    }

    func cancelQueries() {}

    private func finish(_ addresses: [SocketAddress]) {
        self.addressesV6.succeed(addresses.filter { $0.protocol == .inet6 })
        self.addressesV4.succeed(addresses.filter { $0.protocol == .inet })
    }

    private func fail(_ error: any Error) {
        self.addressesV6.fail(error)
        self.addressesV4.fail(error)
    }

    /// The addresses of a name in the order of RFC 6724, as the system gives them.
    static func lookUp(_ host: String, port: Int) throws -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else { throw Failure(code: code) }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let entry = next?.pointee {
            if let address = UnsafeRawPointer(entry.ai_addr) {
                switch entry.ai_family {
                case AF_INET: addresses.append(SocketAddress(address.loadUnaligned(as: sockaddr_in.self), host: host))
                case AF_INET6: addresses.append(SocketAddress(address.loadUnaligned(as: sockaddr_in6.self), host: host))
                default: break
                }
            }
            next = entry.ai_next
        }
        return addresses
    }
}
