import Telemetry
import Testing

@Suite("Trace context")
struct TraceContextTests {
    @Test("The specification's example is read and written back")
    func example() throws {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        let context = try #require(TraceContext(traceparent: text))
        #expect(context.traceID.description == "0af7651916cd43dd8448eb211c80319c")
        #expect(context.spanID.description == "b7ad6b7169203331")
        #expect(context.isSampled)
        #expect(context.traceparent == text)
        #expect("\(context)" == text)
    }

    @Test("A later version is read as version 00, whatever it adds behind a dash")
    func laterVersion() throws {
        let context = try #require(TraceContext(traceparent: "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03-what-ever"))
        #expect(context.traceparent == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        #expect(TraceContext(traceparent: "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01") != nil)
    }

    @Test(
        "Everything else is refused",
        arguments: [
            "", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.more", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333é-01", "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
            "0x-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
        ])
    func malformed(text: String) { #expect(TraceContext(traceparent: text) == nil) }

    @Test("A root is new, and a child keeps everything but the span")
    func rootAndChild() throws {
        let root = TraceContext.root()
        #expect(root.traceID != TraceContext.root().traceID)
        #expect(root.isSampled && root.state == nil)
        #expect(!TraceContext.root(isSampled: false).isSampled)
        let state = try #require(TraceState("a=1"))
        let child = root.with(state: state).child()
        #expect(child.traceID == root.traceID)
        #expect(child.spanID != root.spanID)
        #expect(child.state == state)
        #expect(TraceContext(traceparent: child.traceparent, tracestate: "a=1") == child)
    }
}

@Suite("Trace state")
struct TraceStateTests {
    @Test(
        "Well-formed members are kept, blanks around them are not",
        arguments: [
            ("a=1", "a=1"), ("a=1,b=2", "a=1,b=2"), (" a=1 ,\tb=2", "a=1,b=2"), ("a=1,,b=2", "a=1,b=2"),
            ("fw529a3039@dt=FfAAw==".replacing("==", with: ""), "fw529a3039@dt=FfAAw"), ("1a@b=x", "1a@b=x"),
            ("a_-*/9=!~ x", "a_-*/9=!~ x"),
        ])
    func wellFormed(text: String, kept: String) { #expect(TraceState(text)?.description == kept) }

    @Test(
        "A malformed member, a key that comes twice or no member at all drop the whole",
        arguments: [
            "", " ", ",", "a", "=1", "a=", "A=1", "1a=1", "a=1=2", "a=1,a=2", "a@=1", "@a=1", "a@b@c=1", "a=\u{7}", "a=é", "a=1,B=2",
        ])
    func malformed(text: String) { #expect(TraceState(text) == nil) }

    @Test("More than 32 members are refused")
    func tooMany() {
        let members = (0..<33).map { "k\($0)=v" }
        #expect(TraceState(members.joined(separator: ",")) == nil)
        #expect(TraceState(members.dropLast().joined(separator: ",")) != nil)
    }

    @Test("Beyond 512 bytes long members go first, then members from the end")
    func cut() throws {
        let long = "long=" + String(repeating: "x", count: 200)
        let short = (0..<4).map { "k\($0)=" + String(repeating: "v", count: 90) }
        #expect(TraceState(([long] + short).joined(separator: ","))?.description == short.joined(separator: ","))
        let many = (0..<8).map { "k\($0)=" + String(repeating: "v", count: 90) }
        let kept = try #require(TraceState(many.joined(separator: ","))?.description)
        #expect(kept.utf8.count <= TraceState.maxBytes)
        #expect(kept == many.prefix(5).joined(separator: ","))
        #expect(TraceState("a=" + String(repeating: "v", count: 5_000)) == nil)
    }
}
