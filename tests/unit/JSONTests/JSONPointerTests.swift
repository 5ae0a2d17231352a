import JSON
import Testing

@Suite("JSON pointers")
struct JSONPointerTests {
    private static let document: JSONValue = [
        "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8,
    ]

    @Test(
        "The examples of RFC 6901 §5 and §6 lead where they should, in both forms",
        arguments: [
            ("/foo", "#/foo", ["bar", "baz"]), ("/foo/0", "#/foo/0", "bar"), ("/", "#/", 0), ("/a~1b", "#/a~1b", 1), ("/c%d", "#/c%25d", 2),
            ("/e^f", "#/e%5Ef", 3), ("/g|h", "#/g%7Ch", 4), ("/i\\j", "#/i%5Cj", 5), ("/k\"l", "#/k%22l", 6), ("/ ", "#/%20", 7),
            ("/m~0n", "#/m~0n", 8),
        ] as [(String, String, JSONValue)])
    func examples(text: String, fragment: String, expected: JSONValue) throws {
        let pointer = try #require(JSONPointer(text))
        #expect(Self.document[pointer] == expected)
        #expect(pointer.description == text)
        #expect(pointer.fragment == fragment)
        #expect(JSONPointer(fragment: fragment) == pointer)
    }

    @Test("The empty pointer is the whole document")
    func whole() {
        #expect(JSONPointer("") == JSONPointer())
        #expect(Self.document[JSONPointer()] == Self.document)
        #expect(JSONPointer(fragment: "#") == JSONPointer())
    }

    @Test("~01 is ~1 and never a slash")
    func escapeOrder() { #expect(JSONPointer("/~01")?.tokens == ["~1"]) }

    @Test("Malformed pointers are none", arguments: ["foo", "/~", "/~2", "/a~"])
    func malformed(text: String) { #expect(JSONPointer(text) == nil) }

    @Test("Malformed percent-encoding is no pointer", arguments: ["#/%", "#/%4", "#/%zz", "#/%ff"])
    func malformedFragment(text: String) { #expect(JSONPointer(fragment: text) == nil) }

    @Test("Steps that do not exist lead nowhere", arguments: ["/foo/2", "/foo/-", "/foo/01", "/foo/+1", "/foo/-1", "/bar", "/foo/0/x"])
    func missing(text: String) throws { #expect(Self.document[try #require(JSONPointer(text))] == nil) }
}

@Suite("URI references")
struct URIReferenceTests {
    @Test(
        "The examples of RFC 3986 §5.4 resolve as printed there",
        arguments: [
            ("g:h", "g:h"), ("g", "http://a/b/c/g"), ("./g", "http://a/b/c/g"), ("g/", "http://a/b/c/g/"), ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"), ("g?y", "http://a/b/c/g?y"), ("#s", "http://a/b/c/d;p?q#s"), ("g#s", "http://a/b/c/g#s"),
            ("g?y#s", "http://a/b/c/g?y#s"), (";x", "http://a/b/c/;x"), ("g;x", "http://a/b/c/g;x"), ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"), ("..", "http://a/b/"), ("../", "http://a/b/"), ("../g", "http://a/b/g"), ("../..", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"), ("/./g", "http://a/g"), ("/../g", "http://a/g"), ("g.", "http://a/b/c/g."),
            (".g", "http://a/b/c/.g"),
            ("g..", "http://a/b/c/g.."), ("./../g", "http://a/b/g"), ("./g/.", "http://a/b/c/g/"), ("g/./h", "http://a/b/c/g/h"),
            ("g/../h", "http://a/b/c/h"), ("g?y/./x", "http://a/b/c/g?y/./x"), ("g#s/../x", "http://a/b/c/g#s/../x"), ("http:g", "http:g"),
        ])
    func examples(reference: String, expected: String) {
        #expect(URIReference(reference).resolved(against: URIReference("http://a/b/c/d;p?q")).description == expected)
    }
}
