import Egress
import Testing

@Suite("URLs have one reading")
struct EgressURLTests {
    private static func parse(_ text: String) throws(EgressError) -> EgressURL { try EgressURL(parsing: text, maxBytes: 1000) }

    @Test(
        "What may be used is rendered in one form",
        arguments: [
            ("http://example.com", "http://example.com/"),
            ("HTTP://EXAMPLE.com:80/a", "http://example.com/a"),
            ("https://example.com:443", "https://example.com/"),
            ("https://example.com:80/", "https://example.com:80/"),
            ("https://example.com:/x", "https://example.com/x"),
            ("http://example.com.:8080/x", "http://example.com:8080/x"),
            ("http://example.com?q=1#frag", "http://example.com/?q=1"),
            ("http://example.com/a b?c d=\"e\"", "http://example.com/a%20b?c%20d=%22e%22"),
            ("http://example.com/%41%zz%", "http://example.com/%41%25zz%25"),
            ("http://example.com/%4", "http://example.com/%254"),
            ("http://example.com/ä?ö", "http://example.com/%C3%A4?%C3%B6"),
            ("http://example.com/?filter[a]={b}|^`", "http://example.com/?filter%5Ba%5D=%7Bb%7D%7C%5E%60"),
            ("http://example.com//double//slash/../x", "http://example.com//double//slash/../x"),
            ("http://example.com/a?b?c/d@e:f", "http://example.com/a?b?c/d@e:f"),
            ("http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/"),
            ("http://my_service-1.internal:65535/", "http://my_service-1.internal:65535/"),
            ("http://127.0.0.1:9000/x", "http://127.0.0.1:9000/x"),
            ("http://127.0.0.1./", "http://127.0.0.1/"),
            ("http://[::1]:9000/x", "http://[::1]:9000/x"),
            ("http://[2001:DB8:0:0:0:0:0:1]/", "http://[2001:db8::1]/"),
            ("http://[::ffff:1.2.3.4]/", "http://[::ffff:102:304]/"),
            ("http://a.1e3.com/", "http://a.1e3.com/"),
            ("http://1.example/", "http://1.example/"),
            ("http://h:0080/", "http://h/"),
        ])
    func canonical(_ text: String, _ expected: String) throws {
        let url = try Self.parse(text)
        #expect(url.text == expected)
        #expect(try Self.parse(url.text) == url)
    }

    @Test(
        "Odd forms are refused, not interpreted",
        arguments: [
            "", "example.com", "/path", "//example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://h/", "http:example.com",
            "http:/h",
            "http:///path", "http://", "http://?q", "http://:80/", "javascript:alert(1)", "unix:///var/run/docker.sock",
            "http+unix://%2Fvar%2Frun%2Fdocker.sock/", "http ://h/", " http://h/", "\thttp://h/", "http://h /",
            // User information.
            "http://user@example.com/", "http://user:pass@example.com/", "http://@example.com/", "http://good.example@127.0.0.1/",
            "http://good.example%40127.0.0.1/", "http://a:b@c:80@d/",
            // Backslashes and control characters.
            "http://example.com\\@127.0.0.1/", "http:\\\\example.com/", "http://example.com/a\\b", "http://example.com/a\nb",
            "http://exa\tmple.com/",
            "http://example.com/\r\nHost: evil", "http://example.com/\u{0}", "http://example.com/\u{7F}", "http://example.com\u{0}.evil/",
            // IPv4 in forms that only C reads.
            "http://2130706433/", "http://0x7f000001/", "http://017700000001/", "http://127.1/", "http://127.0.1/", "http://0177.0.0.1/",
            "http://0x7f.0.0.1/", "http://127.0.0.0x1/", "http://127.0.0.01/", "http://1.2.3.4.5/", "http://256.1.1.1/", "http://1.2.3/",
            "http://0/", "http://0x/", "http://a.0x7f/", "http://1.2.3.4.:80x/", "http://foo.123/",
            // IPv6.
            "http://[::1/", "http://::1/", "http://[::1]x/", "http://[fe80::1%eth0]/", "http://[fe80::1%25eth0]/", "http://[127.0.0.1]/",
            "http://[]/", "http://[::g]/", "http://[1:2:3:4:5:6:7:8:9]/", "http://[v1.fe80::a]/",
            // Ports.
            "http://example.com:0/", "http://example.com:65536/", "http://example.com:99999/", "http://example.com:123456/",
            "http://example.com:-1/", "http://example.com:8a/", "http://example.com:+80/", "http://example.com: 80/",
            "http://example.com:80:80/",
            // Names.
            "http://bücher.example/", "http://ⓔxample.com/", "http://１２７.0.0.1/", "http://127。0。0。1/", "http://exa%6Dple.com/",
            "http://%31/",
            "http://a..b/", "http://.a/", "http://a../", "http://./", "http://a b/", "http://a<b/", "http://a*b/", "http://a,b/",
            "http://a!b/",
            "http://\(String(repeating: "a", count: 64)).com/",
            "http://\(String(repeating: "a.", count: 127))toolong/",
            "http://example.com/\(String(repeating: "a", count: 1000))",
        ])
    func refused(_ text: String) {
        let error = #expect(throws: EgressError.self) { try Self.parse(text) }
        #expect(error?.code == .invalidURL)
        #expect(error?.mayHaveBeenSent == false)
    }

    @Test(
        "References resolve as in RFC 3986, section 5.4",
        arguments: [
            ("g", "http://a/b/c/g"), ("./g", "http://a/b/c/g"), ("g/", "http://a/b/c/g/"), ("/g", "http://a/g"), ("//g", "http://g/"),
            ("?y", "http://a/b/c/d;p?y"), ("g?y", "http://a/b/c/g?y"), ("#s", "http://a/b/c/d;p?q"), ("g#s", "http://a/b/c/g"),
            ("g?y#s", "http://a/b/c/g?y"), (";x", "http://a/b/c/;x"), ("g;x", "http://a/b/c/g;x"), ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"), ("./", "http://a/b/c/"), ("..", "http://a/b/"), ("../", "http://a/b/"), ("../g", "http://a/b/g"),
            ("../..", "http://a/"), ("../../", "http://a/"), ("../../g", "http://a/g"), ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"), ("g.", "http://a/b/c/g."), (".g", "http://a/b/c/.g"), ("g..", "http://a/b/c/g.."),
            ("./../g", "http://a/b/g"),
            ("./g/.", "http://a/b/c/g/"), ("g/./h", "http://a/b/c/g/h"), ("g/../h", "http://a/b/c/h"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("https://g:444/x", "https://g:444/x"), ("HTTPS://G", "https://g/"), ("//g:81", "http://g:81/"), ("a b", "http://a/b/c/a%20b"),
        ])
    func references(_ reference: String, _ expected: String) throws {
        let base = try Self.parse("http://a/b/c/d;p?q")
        #expect(try base.resolving(reference, maxBytes: 1000).text == expected)
    }

    @Test(
        "References that lead nowhere are refused",
        arguments: ["http:g", "mailto:x@y", "//", "//u@h/", "http://", "x\\y", "a\nb", "ftp://g/"])
    func badReferences(_ reference: String) throws {
        let base = try Self.parse("http://a/b/c/d;p?q")
        #expect(throws: EgressError.self) { try base.resolving(reference, maxBytes: 1000) }
    }

    @Test("The list of allowed hosts takes host and port only")
    func allowList() throws {
        let list = try EgressAllowList(["127.0.0.1:9000", "[::1]:80", "API.internal.:443"])
        #expect(list.contains(try Self.parse("http://127.0.0.1:9000/a?b")))
        #expect(list.contains(try Self.parse("https://127.0.0.1:9000/")))
        #expect(list.contains(try Self.parse("http://[0:0::1]/")))
        #expect(list.contains(try Self.parse("https://api.internal/x")))
        #expect(!list.contains(try Self.parse("http://api.internal/x")))
        #expect(!list.contains(try Self.parse("http://127.0.0.1:9001/")))
        #expect(!list.contains(try Self.parse("http://127.0.0.2:9000/")))
        #expect(!list.contains(try Self.parse("http://localhost:9000/")))
        for entry in ["127.0.0.1", "host", "http://h:80", "h:0", "h:80/x", "*:80", "u@h:80", ":80", "127.1:80", "h:80 ", ""] {
            let error = #expect(throws: EgressError.self) { try EgressAllowList(["ok:1", entry]) }
            #expect(error?.message.contains("\"\(entry)\"") == true)
        }
    }

    @Test(
        "Reserved header fields are known in any case",
        arguments: ["Host", "CONTENT-LENGTH", "transfer-encoding", "Proxy-Anything", "te", ":path"])
    func reservedHeaders(_ name: String) {
        #expect(EgressHeaders.isReserved(name))
        #expect(!EgressHeaders.isReserved("x-\(name)"))
    }
}
