import JSON
import Testing

@Suite("Writing JSON")
struct JSONWriterTests {
    @Test("Commas and colons come by themselves")
    func structure() {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("a", 1)
        writer.key("b")
        writer.beginArray()
        writer.string("x")
        writer.int(-2)
        writer.double(0.5)
        writer.bool(true)
        writer.null()
        writer.beginObject()
        writer.endObject()
        writer.raw(JSONText(["raw": [1]]))
        writer.endArray()
        writer.key("c")
        writer.beginArray()
        writer.endArray()
        writer.endObject()
        #expect(writer.finish().string == #"{"a":1,"b":["x",-2,0.5,true,null,{},{"raw":[1]}],"c":[]}"#)
    }

    @Test("Only what must be escaped is escaped")
    func escapes() {
        let text = JSONValue.string("\"\\/\u{8}\u{C}\n\r\t\u{0}\u{1F}\u{7F}é😀\u{2028}").text()
        #expect(text == "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\u{7F}é😀\u{2028}\"")
    }

    @Test("A double that JSON cannot write becomes null")
    func nonFinite() {
        var writer = JSONWriter()
        writer.double(.infinity)
        #expect(writer.finish().string == "null")
    }

    @Test("A writer that is finished in the middle stops the program")
    func misuse() async {
        await #expect(processExitsWith: .failure) {
            var writer = JSONWriter()
            writer.beginArray()
            _ = writer.finish()
        }
    }
}
