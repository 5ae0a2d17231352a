internal import NIOPosix
internal import Synchronization

#if canImport(Glibc)
private import Glibc
#elseif canImport(Musl)
private import Musl
#else
private import Darwin
#endif

/// Resolves with the system's `getaddrinfo` (files, DNS, search domains: whatever the machine is set up for) on threads of its own.
///
/// The call cannot be interrupted. A cancelled caller leaves at once, and its thread returns when the system gives up.
final class SystemResolver: AddressResolver {
    /// Why a name has no addresses.
    struct Failure: Error, CustomStringConvertible {
        /// The `EAI_…` code.
        let code: Int32

        var description: String { String(cString: gai_strerror(self.code)) }
    }

    private let pool: NIOThreadPool

    /// Starts the threads. Eight, because one slow name server must not hold up the names of others.
    init(threads: Int = 8) {
        self.pool = NIOThreadPool(numberOfThreads: threads)
        self.pool.start()
    }

    func addresses(of name: String) async throws -> [IPAddress] {
        let answer = Answer()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                answer.wait(continuation)
                self.pool.submit { state in
                    guard state == .active, answer.isAwaited else { return answer.resume(with: .failure(CancellationError())) }
                    answer.resume(with: Result { try Self.lookUp(name) })
                }
            }
        } onCancel: {
            answer.resume(with: .failure(CancellationError()))
        }
    }

    func shutdown() async {
        // Fails only when it is already shut down.
        try? await self.pool.shutdownGracefully()
    }

    private static func lookUp(_ name: String) throws -> [IPAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(name, nil, &hints, &list)
        guard code == 0 else { throw Failure(code: code) }
        defer { freeaddrinfo(list) }
        var addresses: [IPAddress] = []
        var next = list
        while let entry = next?.pointee {
            if let address = Self.address(entry), !addresses.contains(address) { addresses.append(address) }
            next = entry.ai_next
        }
        return addresses
    }

    private static func address(_ entry: addrinfo) -> IPAddress? {
        guard let socketAddress = UnsafeRawPointer(entry.ai_addr) else { return nil }
        switch entry.ai_family {
        case AF_INET:
            return .v4(UInt32(bigEndian: socketAddress.loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr))
        case AF_INET6:
            var address = socketAddress.loadUnaligned(as: sockaddr_in6.self).sin6_addr
            return withUnsafeBytes(of: &address) { IPAddress(networkOrder: $0) }
        default:
            return nil
        }
    }
}

/// Hands one result from whoever comes first (the thread or the cancellation) to one waiting task, exactly once.
private final class Answer: Sendable {
    private enum State {
        /// Nobody waits yet and nothing has come; leaves by ``wait`` or ``resume``.
        case idle
        /// A task waits; leaves by ``resume``.
        case waiting(CheckedContinuation<[IPAddress], any Error>)
        /// A result came before the wait, or the wait is over. Final but for the early result, which the wait takes.
        case done(Result<[IPAddress], any Error>)
    }

    private let state = Mutex(State.idle)

    /// Whether a result would still be taken by someone.
    var isAwaited: Bool {
        self.state.withLock { if case .done = $0 { false } else { true } }
    }

    func wait(_ continuation: CheckedContinuation<[IPAddress], any Error>) {
        let early: Result<[IPAddress], any Error>? = self.state.withLock { state in
            if case .done(let result) = state { return result }
            state = .waiting(continuation)
            return nil
        }
        if let early { continuation.resume(with: early) }
    }

    func resume(with result: Result<[IPAddress], any Error>) {
        let waiting: CheckedContinuation<[IPAddress], any Error>? = self.state.withLock { state in
            switch state {
            case .idle:
                state = .done(result)
                return nil
            case .waiting(let continuation):
                state = .done(result)
                return continuation
            case .done:
                return nil
            }
        }
        waiting?.resume(with: result)
    }
}
