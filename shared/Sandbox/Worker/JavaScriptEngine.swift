import CJavaScriptCore
import CSandbox
import Glibc

/// One JavaScript realm with the prelude in it.
///
/// JavaScriptCore runs pending microtasks when the outermost call into it returns, so every method here leaves none behind.
struct JavaScriptEngine {
    /// What the prelude offers to the native side; see its last lines.
    private struct Entries {
        let reset, begin, fulfil, reject, wakeUp, fail, state: JSObjectRef

        init?(_ prelude: JSObjectRef, in context: JSGlobalContextRef) {
            func entry(_ name: String) -> JSObjectRef? {
                let property = makeString(name) { JSObjectGetProperty(context, prelude, $0, nil) }
                guard let function = object(context, property), JSObjectIsFunction(context, function) else { return nil }
                JSValueProtect(context, function)
                return function
            }
            guard
                let reset = entry("reset"), let begin = entry("begin"), let fulfil = entry("fulfil"), let reject = entry("reject"),
                let wakeUp = entry("wakeUp"), let fail = entry("fail"), let state = entry("state")
            else { return nil }
            (self.reset, self.begin, self.fulfil, self.reject) = (reset, begin, fulfil, reject)
            (self.wakeUp, self.fail, self.state) = (wakeUp, fail, state)
        }
    }

    private let context: JSGlobalContextRef
    private let entries: Entries

    /// Starts the engine and evaluates the prelude; nil if either fails, which only a broken build can cause.
    init?() {
        guard let group = JSContextGroupCreate(), let context = JSGlobalContextCreateInGroup(group, nil) else { return nil }
        self.context = context
        guard
            let factory = object(context, Self.evaluate(Prelude.core, name: Prelude.name, in: context).value),
            let send = makeString("send", { JSObjectMakeFunctionWithCallback(context, $0, sendToHost) }),
            let rehearse = makeString("send", { JSObjectMakeFunctionWithCallback(context, $0, sendToNobody) })
        else { return nil }
        var arguments: [JSValueRef?] = [send, rehearse]
        guard
            let prelude = object(context, JSObjectCallAsFunction(context, factory, nil, arguments.count, &arguments, nil)),
            let entries = Entries(prelude, in: context)
        else { return nil }
        self.entries = entries
        let unhandled = makeString("unhandled") { JSObjectGetProperty(context, prelude, $0, nil) }
        JSGlobalContextSetUnhandledRejectionCallback(context, object(context, unhandled), nil)
        for text in Prelude.additions where Self.evaluate(text, name: Prelude.name, in: context).error != nil { return nil }
    }

    /// Uses every part of the engine that is built lazily or reads a file, so that children share it and never miss the file.
    ///
    /// The order saves a child of `return 1+1` some 100 of its 370 page faults: what a program makes the engine build and write to is built
    /// last, on pages of its own, and so is whatever the child allocates.
    func warmUp() {
        _ = Self.evaluate(Prelude.warmUp, name: Prelude.name, in: self.context)
        self.collectGarbage()
        sandbox_fill_heap()
        self.rehearse()
        sandbox_fill_heap()
    }

    /// Runs programs whose frames go to the null device. The engine compiles a function when it is first called: what has been called
    /// here, no child compiles again.
    private func rehearse() {
        for program in Prelude.rehearsals {
            self.call(self.entries.reset, [self.number(1)])
            self.begin(program: program, startTime: 0, seed: 1)
            self.fulfil(elapsed: 1000, call: 1, value: self.value(fromJSON: #"{"a":[1,"x"]}"#))
            self.reject(elapsed: 2000, call: 2, name: "Error", message: "x")
            self.wakeUp(elapsed: 1_000_000)
            _ = self.state
        }
        self.call(self.entries.reset, [self.number(0)])
    }

    /// Frees what can be freed, down to the system. `JSGarbageCollect` would only ask the main loop, which never runs here.
    func collectGarbage() {
        JSSynchronousGarbageCollectForDebugging(self.context)
        sandbox_trim_heap()
    }

    /// Evaluates a program, which is one function expression, and begins to run that function; or fails with what evaluation threw.
    func begin(program: UnsafePointer<CChar>, startTime: Double, seed: UInt64) {
        let result = Self.evaluate(program, name: "code.ts", in: self.context)
        if let error = result.error { return self.call(self.entries.fail, [error]) }
        self.call(
            self.entries.begin,
            [
                result.value, self.number(startTime), self.number(Double(seed >> 32)), self.number(Double(seed & 0xffff_ffff)),
            ])
    }

    /// Makes a value from JSON; nil if it is none. The engine finds the value on the stack, so it stays alive while it is held there.
    func value(fromJSON text: UnsafePointer<CChar>) -> JSValueRef? {
        makeString(text) { JSValueMakeFromJSONString(self.context, $0) }
    }

    /// Gives a call's value to the program; none rejects the call.
    func fulfil(elapsed: Double, call: UInt32, value: JSValueRef?) {
        guard let value else {
            return self.reject(elapsed: elapsed, call: call, name: "SyntaxError", message: "the answer of the tool is not valid JSON")
        }
        self.call(self.entries.fulfil, [self.number(elapsed), self.number(Double(call)), value])
    }

    /// Rejects a call.
    func reject(elapsed: Double, call: UInt32, name: UnsafePointer<CChar>, message: UnsafePointer<CChar>) {
        let name = self.string(name)
        // Making the message may collect garbage, which the name is until the call holds it.
        JSValueProtect(self.context, name)
        defer { JSValueUnprotect(self.context, name) }
        self.call(self.entries.reject, [self.number(elapsed), self.number(Double(call)), name, self.string(message)])
    }

    /// Fires the timer that is due first.
    func wakeUp(elapsed: Double) {
        self.call(self.entries.wakeUp, [self.number(elapsed)])
    }

    /// What the program can do next.
    enum State: Int {
        /// It has ended and said so.
        case ended = 0
        /// It waits for an answer or a timer.
        case waits = 1
        /// It waits for nothing that can happen.
        case neverSettles = 2
    }

    /// What the program can do next, after its microtasks have run.
    var state: State {
        let state = JSObjectCallAsFunction(self.context, self.entries.state, nil, 0, nil, nil)
        return State(rawValue: Int(JSValueToNumber(self.context, state, nil))) ?? .ended
    }

    private func call(_ entry: JSObjectRef, _ arguments: [JSValueRef?]) {
        var arguments = arguments
        var error: JSValueRef?
        _ = JSObjectCallAsFunction(self.context, entry, nil, arguments.count, &arguments, &error)
        // The prelude catches what programs throw; what still arrives here (a stack overflow in the prelude itself) ends the run.
        if let error, entry != self.entries.fail { self.call(self.entries.fail, [error]) }
    }

    private func number(_ value: Double) -> JSValueRef? { JSValueMakeNumber(self.context, value) }

    private func string(_ text: UnsafePointer<CChar>) -> JSValueRef? { makeString(text) { JSValueMakeString(self.context, $0) } }

    private static func evaluate(
        _ source: UnsafePointer<CChar>, name: String, in context: JSContextRef
    ) -> (value: JSValueRef?, error: JSValueRef?) {
        var error: JSValueRef?
        let value = makeString(source) { source in
            makeString(name) { JSEvaluateScript(context, source, nil, $0, 1, &error) }
        }
        return (value, error)
    }
}

private func makeString<Result>(_ text: UnsafePointer<CChar>, _ body: (JSStringRef?) -> Result) -> Result {
    let string = JSStringCreateWithUTF8CString(text)
    defer { if let string { JSStringRelease(string) } }
    return body(string)
}

private func object(_ context: JSContextRef, _ value: JSValueRef?) -> JSObjectRef? {
    guard let value, JSValueIsObject(context, value) else { return nil }
    return JSValueToObject(context, value, nil)
}

/// The one native function of the prelude: `send(type, field…)`. Numbers are u32; `undefined` adds nothing; of several texts every one
/// but the last carries its length.
private let sendToHost: JSObjectCallAsFunctionCallback = { context, _, _, count, arguments, _ in
    sendFrame(context, arguments, count: count, to: Int32(SANDBOX_CHANNEL_FD))
}

/// The same for rehearsals, whose frames go to the null device, which the host makes standard output.
private let sendToNobody: JSObjectCallAsFunctionCallback = { context, _, _, count, arguments, _ in
    sendFrame(context, arguments, count: count, to: STDOUT_FILENO)
}

private func sendFrame(
    _ context: JSContextRef?, _ arguments: UnsafePointer<JSValueRef?>?, count: Int, to descriptor: Int32
) -> JSValueRef? {
    guard let context, let arguments, count >= 1 else { return nil }
    var frame = FrameChannel.Outgoing()
    let lastText = (1..<count).last { JSValueIsString(context, arguments[$0]) }
    for index in 1..<count {
        if JSValueIsString(context, arguments[index]) {
            let text = makeUTF8(context, arguments[index])
            if index != lastText { frame.append(UInt32(text.count)) }
            frame.append(owning: text)
        } else if JSValueIsNumber(context, arguments[index]) {
            frame.append(UInt32(JSValueToNumber(context, arguments[index], nil)))
        }
    }
    frame.send(type: UInt8(JSValueToNumber(context, arguments[0], nil)), to: descriptor)
    return JSValueMakeUndefined(context)
}

/// The UTF-8 of a string, in memory from `malloc`.
private func makeUTF8(_ context: JSContextRef, _ value: JSValueRef?) -> UnsafeRawBufferPointer {
    guard let string = JSValueToStringCopy(context, value, nil) else { _exit(Int32(SANDBOX_EXIT_MEMORY)) }
    defer { JSStringRelease(string) }
    // Three bytes for each UTF-16 unit; only the pages that are written to count.
    let capacity = JSStringGetMaximumUTF8CStringSize(string)
    guard let memory = malloc(capacity) else { _exit(Int32(SANDBOX_EXIT_MEMORY)) }
    let count = JSStringGetUTF8CString(string, memory.assumingMemoryBound(to: CChar.self), capacity)
    return UnsafeRawBufferPointer(start: memory, count: max(0, count - 1))
}
