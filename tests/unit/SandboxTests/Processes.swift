import CSandbox
import Glibc
import Synchronization
import Testing

@testable import Sandbox

/// What the tests ask the system about processes.
enum Processes {
    /// The children of a process.
    static func children(of parent: pid_t) -> [pid_t] {
        self.entries(of: "/proc").compactMap { pid_t($0) }.filter { self.parent(of: $0) == parent }
    }

    /// What kinds of descriptors a process has open.
    static func descriptors(of process: pid_t = getpid()) -> [String] {
        self.entries(of: "/proc/\(process)/fd").map { entry in
            var target = [CChar](repeating: 0, count: 256)
            let count = readlink("/proc/\(process)/fd/\(entry)", &target, target.count)
            return String(
                decoding: target.prefix(max(0, count)).map { UInt8(bitPattern: $0) }.prefix { $0 != UInt8(ascii: "[") }, as: UTF8.self)
        }.sorted()
    }

    /// Waits until a process has a child.
    static func waitForChild(of parent: pid_t) async throws -> pid_t {
        for _ in 0..<1000 {
            if let child = self.children(of: parent).first { return child }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw SandboxError(.unavailable, "no child")
    }

    /// Waits until a process has ended, at most a minute. One that nobody has reaped counts as ended: whoever inherits it may take its time.
    static func waitUntilGone(_ process: pid_t) async throws {
        for _ in 0..<6000 {
            guard self.isAlive(process) else { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("process \(process) is still there: \(self.statistics(of: process))")
    }

    /// Whether a process exists and has not ended.
    static func isAlive(_ process: pid_t) -> Bool {
        switch self.fields(of: process).first {
        case nil, "Z", "X": false
        case .some: true
        }
    }

    /// The names of the files in the folders for temporary ones that belong to the user whom sandboxed processes become. Empty where this
    /// process is not root: then they become nobody else.
    static func temporaryFilesOfNobody() -> [String] {
        guard getuid() == 0 else { return [] }
        return ["/tmp", "/var/tmp", "/dev/shm"].flatMap { folder in
            self.entries(of: folder).map { folder + "/" + $0 }
        }.filter { path in
            var status = stat()
            return lstat(path, &status) == 0 && status.st_uid == 65534
        }.sorted()
    }

    private static func entries(of path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            names.append(withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
        }
        return names.filter { !$0.hasPrefix(".") }
    }

    private static func parent(of process: pid_t) -> pid_t? {
        self.fields(of: process).dropFirst().first.flatMap { pid_t($0) }
    }

    /// What stands behind the name in: pid (name) state parent …
    private static func fields(of process: pid_t) -> [Substring] {
        self.statistics(of: process).split(separator: ")").last?.split(separator: " ") ?? []
    }

    private static func statistics(of process: pid_t) -> String {
        let file = open("/proc/\(process)/stat", O_RDONLY)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 1024)
        let count = read(file, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}

/// A zygote driven by hand.
struct DirectZygote {
    let control: CInt

    /// Has a child made, and gives it JavaScript to run. Returns the child's channel.
    func startProgram(_ code: String) throws -> CInt {
        var pair: [CInt] = [-1, -1]
        try #require(sandbox_socketpair(0, &pair) == 0)
        let limits = sandbox_limits(memory_bytes: 64 << 20, cpu_milliseconds: 60_000)
        try #require(sandbox_send_order(self.control, UInt32(SANDBOX_FORK), 1, limits, pair[1]) == 0)
        close(pair[1])
        var frame: [UInt8] = []
        let length = UInt32(24 + code.utf8.count)
        withUnsafeBytes(of: length.littleEndian) { frame.append(contentsOf: $0) }
        frame.append(UInt8(SANDBOX_PROGRAM.rawValue))
        frame.append(contentsOf: [UInt8](repeating: 0, count: 24))
        frame.append(contentsOf: code.utf8)
        try #require(sandbox_write_fully(pair[0], frame, frame.count) == 1)
        return pair[0]
    }
}

/// A process that holds a descriptor open and does nothing.
enum ControlHolder {
    static func start(holding descriptor: CInt) throws -> WorkerProcess {
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sleep"), strdup("600"), nil]
        var environment: [UnsafeMutablePointer<CChar>?] = [nil]
        defer { for argument in arguments { free(argument) } }
        var id: pid_t = 0
        try #require(sandbox_spawn("/bin/sleep", &arguments, &environment, descriptor, 3, 3, &id) == 0)
        return WorkerProcess(id: id)
    }
}

/// Waits until so many have arrived.
final class Countdown: Sendable {
    private let missing: Mutex<Int>
    private let complete = OneShot<Void>()

    init(_ count: Int) { self.missing = Mutex(count) }

    func arrive() {
        let isLast = self.missing.withLock { missing in
            missing -= 1
            return missing == 0
        }
        if isLast { self.complete.resolve(()) }
    }

    func wait() async { await self.complete.value() }
}
