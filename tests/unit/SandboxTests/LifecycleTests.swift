import Glibc
import JSON
import Logging
import NIOPosix
import Testing

@testable import Sandbox

/// Processes that die, are killed, or are many. Serialized, because some tests count processes and descriptors.
@Suite("The sandbox's processes", .serialized, .timeLimit(.minutes(5)))
struct LifecycleTests {
    @Test("a killed fork server takes its programs with it, and another serves the next")
    func zygoteKilled() async throws {
        try await SandboxFixture.withSandbox(SandboxFixture.configuration) { sandbox in
            _ = try await sandbox.run("return 1")
            let zygote = try await sandbox.zygotes.zygote().process.id
            let waiting = OneShot<Void>()
            async let spinning = sandbox.run(SandboxFixture.program("console.log('spins'); for (;;) {}") { $0.cpuTime = .seconds(30) }) {
                _ in
                .value(JSONText(.null))
            } onLog: { _ in
                waiting.resolve(())
            }
            await waiting.value()
            let child = try #require(Processes.children(of: zygote).first)
            #expect(kill(zygote, SIGKILL) == 0)
            do {
                let report = try await spinning
                Issue.record("it ended with \(report.outcome)")
            } catch let error as SandboxError {
                #expect(error.code == .unavailable)
                #expect(error.output.logs.map(\.text) == ["spins"])
            }
            let after = try await sandbox.result(of: "return 'next'")
            #expect(after == #""next""#)
            try await Processes.waitUntilGone(child)
        }
    }

    @Test("a killed TypeScript service is replaced")
    func translatorKilled() async throws {
        try await SandboxFixture.withSandbox(SandboxFixture.configuration) { sandbox in
            _ = try await sandbox.run("return 1")
            let esbuild = try #require(await sandbox.translator.current.value(waitingAtMost: .seconds(10)))
            #expect(kill(esbuild.process.id, SIGKILL) == 0)
            for number in 0..<3 {
                let result = try await sandbox.result(of: "return \(number) as number")
                #expect(result == "\(number)")
            }
        }
    }

    @Test("a TypeScript service that hangs is replaced, and the programs that waited for it run")
    func translatorHangs() async throws {
        var configuration = SandboxFixture.configuration
        configuration.translationTimeout = .seconds(3)
        try await SandboxFixture.withSandbox(configuration) { sandbox in
            _ = try await sandbox.run("return 1")
            let hung = try #require(await sandbox.translator.current.value(waitingAtMost: .seconds(10)))
            #expect(kill(hung.process.id, SIGSTOP) == 0)
            let result = try await sandbox.result(of: "return 5 as number")
            #expect(result == "5")
            try await Processes.waitUntilGone(hung.process.id)
            let next = try await sandbox.result(of: "return 6 as number")
            #expect(next == "6")
        }
    }

    @Test("a fork server that hangs is replaced, and its programs end")
    func zygoteHangs() async throws {
        var configuration = SandboxFixture.configuration
        configuration.reapTimeout = .milliseconds(500)
        try await SandboxFixture.withSandbox(configuration) { sandbox in
            _ = try await sandbox.run("return 1")
            let zygote = try await sandbox.zygotes.zygote().process.id
            let spins = OneShot<Void>()
            try await withThrowingTaskGroup { group in
                group.addTask {
                    let error = await sandbox.failure(of: "console.log('spins'); for (;;) {}") {
                        $0.cpuTime = .seconds(60)
                    } onLog: {
                        spins.resolve(())
                    }
                    #expect(error?.code == .cancelled)
                }
                await spins.value()
                let child = try #require(Processes.children(of: zygote).first)
                #expect(kill(zygote, SIGSTOP) == 0)
                // The order to kill the program is never read.
                group.cancelAll()
                try await group.waitForAll()
                try await Processes.waitUntilGone(child)
            }
            let after = try await sandbox.result(of: "return 'next'")
            #expect(after == #""next""#)
        }
    }

    @Test("more orders than the fork server's socket holds are given again")
    func manyOrders() async throws {
        var configuration = SandboxFixture.configuration
        configuration.reapTimeout = .seconds(120)
        let zygote = try Zygote(
            configuration: configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.any(), logger: Logger(label: "sandbox-tests"))
        try await withThrowingTaskGroup { group in
            group.addTask { await zygote.serve() }
            #expect(await zygote.waitUntilReady(atMost: .seconds(30)))
            #expect(kill(zygote.process.id, SIGSTOP) == 0)
            var children: [ZygoteChild] = []
            var isBusy = false
            while !isBusy, children.count < 4000 {
                switch try zygote.fork(SandboxLimits()) {
                case .made(let child): children.append(child)
                case .busy: isBusy = true
                case .gone: throw SandboxError(.unavailable, "the zygote is gone")
                }
            }
            #expect(isBusy)
            // None of these orders fits.
            for child in children { child.kill() }
            #expect(kill(zygote.process.id, SIGCONT) == 0)
            for child in children {
                guard case .exited(let status, _, _) = await child.waitForExit() else { throw SandboxError(.unavailable, "lost") }
                #expect(status.signal == SIGKILL)
                close(child.socket)
            }
            zygote.abort()
            try await group.waitForAll()
        }
    }

    @Test("a hundred programs cancelled at once are gone at once, and others go on")
    func cancelledTogether() async throws {
        try await SandboxFixture.withSandbox(SandboxFixture.configuration) { sandbox in
            let released = OneShot<Void>()
            async let beside = sandbox.run(SandboxFixture.program("return await tools.wait()")) { _ in
                await released.value()
                return .value(JSONText(.string("beside")))
            }
            let allWait = Countdown(100)
            let codes = await withTaskGroup(of: SandboxError.Code?.self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        do throws(SandboxError) {
                            _ = try await sandbox.run(SandboxFixture.program("await tools.wait()")) { _ in
                                allWait.arrive()
                                try? await Task.sleep(for: .seconds(600))
                                return .value(JSONText(.null))
                            }
                            return nil
                        } catch {
                            return error.code
                        }
                    }
                }
                await allWait.wait()
                group.cancelAll()
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(codes == Array(repeating: .cancelled, count: 100))
            let zygote = try await sandbox.zygotes.zygote().process.id
            #expect(Processes.children(of: zygote).count == 1)
            released.resolve(())
            guard case .returned(let value) = try await beside.outcome else { throw SandboxError(.violation, "no value") }
            #expect(value?.string == #""beside""#)
        }
    }

    @Test("a killed service leaves no fork server, no program and no TypeScript service behind")
    func hostKilled() async throws {
        let result = try await #require(processExitsWith: .signal(SIGKILL), observing: [\.standardOutputContent]) {
            try await Self.nameProcessesAndDie()
        }
        let output = String(decoding: result.standardOutputContent, as: UTF8.self)
        let line = try #require(output.split(separator: "\n").last { $0.hasPrefix("PROCESSES ") })
        let processes = line.split(separator: " ").compactMap { pid_t($0) }
        #expect(processes.count == 4)
        for process in processes { try await Processes.waitUntilGone(process) }
    }

    private static func nameProcessesAndDie() async throws {
        try await SandboxFixture.withSandbox(SandboxFixture.configuration) { sandbox in
            let both = Countdown(2)
            async let spinning = sandbox.failure(of: "console.log('spins'); for (;;) {}") {
                $0.cpuTime = .seconds(60)
            } onLog: {
                both.arrive()
            }
            async let waiting = sandbox.run(SandboxFixture.program("await tools.wait()")) { _ in
                both.arrive()
                try? await Task.sleep(for: .seconds(600))
                return .value(JSONText(.null))
            }
            await both.wait()
            let zygote = try await sandbox.zygotes.zygote().process.id
            let esbuild = try #require(await sandbox.translator.current.value(waitingAtMost: .seconds(10))).process.id
            let processes = [zygote, esbuild] + Processes.children(of: zygote)
            let line = "PROCESSES " + processes.map { "\($0)" }.joined(separator: " ") + "\n"
            _ = line.withCString { write(STDOUT_FILENO, $0, strlen($0)) }
            kill(getpid(), SIGKILL)
            _ = await spinning
            _ = try await waiting
        }
    }

    @Test("the fork server and a spinning program end when whoever holds the control socket is killed")
    func serviceKilled() async throws {
        // The service is played by a process that does nothing but hold the other end, as the kernel sees it.
        let (zygote, socket) = try WorkerProcess.start(
            SandboxFixture.configuration.workerPath, arguments: ["zygote"], environment: Zygote.environment, attachment: .control,
            packets: true)
        let channel = try DirectZygote(control: socket).startProgram("(function () { for (;;); })")
        defer { close(channel) }
        let child = try await Processes.waitForChild(of: zygote.id)
        let holder = try ControlHolder.start(holding: socket)
        close(socket)
        #expect(kill(child, 0) == 0)
        holder.kill()
        await holder.reap()
        try await Processes.waitUntilGone(child)
        // It ends by itself: reaping it here only removes its entry.
        var status: CInt = 0
        #expect(waitpid(zygote.id, &status, 0) == zygote.id)
        #expect(status & 0x7f == 0)
    }

    @Test("cancelling the calling task kills the program and its calls")
    func cancellation() async throws {
        try await SandboxFixture.withSandbox(SandboxFixture.configuration) { sandbox in
            for source in [
                "console.log('on'); for (;;) {}", "console.log('on'); await tools.forever()",
                "console.log('on'); await new Promise((r) => setTimeout(r, 1e6))",
            ] {
                let started = OneShot<Void>()
                let error = await withTaskGroup(of: SandboxError?.self) { group in
                    group.addTask {
                        do throws(SandboxError) {
                            _ = try await sandbox.run(SandboxFixture.program(source) { $0.cpuTime = .seconds(30) }) { _ in
                                try? await Task.sleep(for: .seconds(600))
                                return .value(JSONText(.null))
                            } onLog: { _ in
                                started.resolve(())
                            }
                            return nil
                        } catch {
                            return error
                        }
                    }
                    await started.value()
                    group.cancelAll()
                    return await group.next() ?? nil
                }
                #expect(error?.code == .cancelled)
                #expect(error?.output.logs.count == 1)
            }
            let zygote = try await sandbox.zygotes.zygote().process.id
            #expect(Processes.children(of: zygote).isEmpty)
        }
    }

    @Test("two hundred runs, attacks among them, leave no descriptor, no process and no file behind")
    func noLeaks() async throws {
        // In a process of its own, where nobody else opens descriptors and makes processes.
        await #expect(processExitsWith: .success) { try await Self.runManyAndCount() }
    }

    private static func runManyAndCount() async throws {
        // What the first run opens for good (event loops, thread pools) is not counted.
        try await SandboxFixture.withSandbox(SandboxFixture.configuration) { sandbox in _ = try await sandbox.run("return 1") }
        let descriptors = Processes.descriptors()
        let files = Processes.temporaryFilesOfNobody()
        try await SandboxFixture.withSandbox(SandboxFixture.configuration) { sandbox in
            _ = try await sandbox.run("return 1")
            let zygote = try await sandbox.zygotes.zygote().process.id
            let during = (own: Processes.descriptors().count, zygote: Processes.descriptors(of: zygote).count)
            for number in 0..<200 {
                switch number % 8 {
                case 0: _ = try await sandbox.run("return await tools.echo(\(number))")
                case 1: _ = try await sandbox.run("throw new Error('x')")
                case 2: #expect(await sandbox.failure(of: "await new Promise(() => {})")?.code == .neverSettles)
                case 3: #expect(await sandbox.failure(of: "emit('x'.repeat(2e5))") { $0.maxOutputBytes = 1 << 16 }?.code == .outputLimit)
                case 4: #expect(await sandbox.failure(of: "return (\(number)")?.code == .syntaxError)
                case 5: #expect(await sandbox.failure(of: "for (;;) {}") { $0.cpuTime = .milliseconds(20) }?.code == .cpuLimit)
                case 6: #expect(await sandbox.failure(of: "for (;;) await null") { $0.wallTime = .milliseconds(20) }?.code == .wallLimit)
                default: _ = try await sandbox.run("tools.a(); return 1")
                }
            }
            #if DEBUG
            for attack in ["socket", "fork", "garbage", "exit", "close-and-stay"] { _ = try? await sandbox.attack(attack) }
            #endif
            #expect(Processes.children(of: zygote) == [])
            #expect(Processes.descriptors().count == during.own)
            #expect(Processes.descriptors(of: zygote).count == during.zygote)
        }
        #expect(Processes.children(of: getpid()) == [])
        #expect(Processes.descriptors() == descriptors)
        #expect(Processes.temporaryFilesOfNobody() == files)
    }

    @Test("the fork server is renewed after its number of runs, without a pause")
    func renewal() async throws {
        var configuration = SandboxFixture.configuration
        configuration.zygoteMaxRuns = 5
        try await SandboxFixture.withSandbox(configuration) { sandbox in
            // One program outlives the zygote that made it.
            let released = OneShot<Void>()
            async let long = sandbox.run(SandboxFixture.program("return await tools.wait()")) { _ in
                await released.value()
                return .value(JSONText(.string("late")))
            }
            var zygotes: Set<pid_t> = []
            // A worn one serves until its successor does, however long that takes.
            while zygotes.count < 4 {
                let result = try await sandbox.result(of: "return 1")
                #expect(result == "1")
                zygotes.insert(try await sandbox.zygotes.zygote().process.id)
            }
            released.resolve(())
            guard case .returned(let value) = try await long.outcome else { throw SandboxError(.violation, "no value") }
            #expect(value?.string == #""late""#)
        }
    }

    @Test("more runs than there is room for wait, and more than may wait are refused")
    func capacity() async throws {
        var configuration = SandboxFixture.configuration
        configuration.maxRuns = 3
        configuration.maxQueued = 2
        configuration.maxQueueTime = .milliseconds(300)
        try await SandboxFixture.withSandbox(configuration) { sandbox in
            let release = (0..<3).map { _ in OneShot<Void>() }
            let full = Countdown(3)
            try await withThrowingTaskGroup { group in
                for gate in release {
                    group.addTask {
                        _ = try await sandbox.run(SandboxFixture.program("await tools.wait()")) { _ in
                            full.arrive()
                            await gate.value()
                            return .value(JSONText(.null))
                        }
                    }
                }
                await full.wait()
                let refused = await #expect(throws: SandboxError.self) { try await sandbox.run("return 1") }
                #expect(refused?.code == .capacity)
                #expect(refused?.isRetryable == true)
                for gate in release { gate.resolve(()) }
                try await group.waitForAll()
            }
            let after = try await sandbox.result(of: "return 1")
            #expect(after == "1")
        }
    }

    @Test("a run that finds no room in time is refused")
    func queueTime() async throws {
        var configuration = SandboxFixture.configuration
        configuration.maxRunningPerCore = 1
        configuration.maxQueueTime = .milliseconds(300)
        try await SandboxFixture.withSandbox(configuration) { sandbox in
            let count = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
            let full = Countdown(count)
            await withTaskGroup { group in
                for _ in 0..<count {
                    group.addTask {
                        let error = await sandbox.failure(of: "console.log('on'); for (;;) {}") {
                            $0.cpuTime = .seconds(60)
                        } onLog: {
                            full.arrive()
                        }
                        #expect(error?.code == .cancelled)
                    }
                }
                await full.wait()
                #expect(await sandbox.failure(of: "return 1")?.code == .capacity)
                group.cancelAll()
            }
            let after = try await sandbox.result(of: "return 1")
            #expect(after == "1")
        }
    }

    @Test("a hundred programs wait for answers at once while others run")
    func manyPaused() async throws {
        try await SandboxFixture.withSandbox(SandboxFixture.configuration) { sandbox in
            let gates = (0..<100).map { _ in OneShot<Void>() }
            let allWait = Countdown(100)
            let results = try await withThrowingTaskGroup { group in
                for number in 0..<100 {
                    group.addTask {
                        try await sandbox.run(SandboxFixture.program("return await tools.wait(\(number))")) { call in
                            allWait.arrive()
                            await gates[number].value()
                            return .value(call.argument ?? JSONText(.null))
                        }
                    }
                }
                await allWait.wait()
                let beside = try await sandbox.result(of: "return 'beside'")
                #expect(beside == #""beside""#)
                for gate in gates { gate.resolve(()) }
                var results: Set<String> = []
                for try await report in group {
                    if case .returned(let value?) = report.outcome { results.insert(value.string) }
                }
                return results
            }
            #expect(results.count == 100)
        }
    }

    @Test("without its worker the sandbox says that it is not up")
    func missingWorker() async throws {
        var configuration = SandboxFixture.configuration
        configuration.workerPath = "/nonexistent/sandbox-worker"
        configuration.startTimeout = .milliseconds(300)
        try await SandboxFixture.withSandbox(configuration) { sandbox in
            let error = await #expect(throws: SandboxError.self) { try await sandbox.run("return 1") }
            #expect(error?.code == .unavailable)
        }
    }
}
