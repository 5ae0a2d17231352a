import Sandbox
import Testing

@Suite("Web interfaces in programs", .sharedSandbox, .timeLimit(.minutes(5)))
struct WebInterfaceTests {
    /// A program's text and the JSON it returns.
    typealias Case = (source: String, result: String)

    private func check(_ cases: [Case]) async throws {
        try await SandboxFixture.withSandbox { sandbox in
            for (source, expected) in cases {
                let result = try await sandbox.result(of: source)
                #expect(result == expected, "\(source)")
            }
        }
    }

    @Test("URL parses as browsers do; | stands for a backslash")
    func parsing() async throws {
        let parsed = [
            ("https://User:Pa%20ss@EXAMPLE.com:443/a/./b/../c?x=1 2#f g", "https://User:Pa%20ss@example.com/a/c?x=1%202#f%20g"),
            ("http://example.com", "http://example.com/"), ("http://example.com?q", "http://example.com/?q"),
            ("HTTP:||example.com|x|y", "http://example.com/x/y"), ("http://example.com:80", "http://example.com/"),
            ("http://example.com:8080/", "http://example.com:8080/"), ("http://0x7f.1/", "http://127.0.0.1/"),
            ("http://256", "http://0.0.1.0/"), ("http://[1:0:0:2::3]/", "http://[1:0:0:2::3]/"),
            ("http://[::ffff:1.2.3.4]/", "http://[::ffff:102:304]/"), ("http://[0:0:0:0:0:0:0:1]/", "http://[::1]/"),
            ("http://bücher.example/ä", "http://xn--bcher-kva.example/%C3%A4"), ("mailto:a@b.c", "mailto:a@b.c"),
            ("data:text/plain,a b", "data:text/plain,a b"), ("urn:x:y?q#f", "urn:x:y?q#f"), ("file:///C:/a/../b", "file:///C:/b"),
            ("file:/x", "file:///x"), ("file://localhost/x", "file:///x"), (#"  https://a.b/c\n "#, "https://a.b/c"),
            ("foo://a/b/../c", "foo://a/c"), ("foo:/a//b", "foo:/a//b"), ("http://a/%2e%2E/b%2", "http://a/b%2"),
            ("https://a.b/?a='b'", "https://a.b/?a=%27b%27"),
        ]
        try await self.check(parsed.map { (#"return new URL("\#($0)".replaceAll('|', '\\')).href"#, "\"\($1)\"") })
        let invalid = [
            "", "a", "http://", "http://a b/", "http://[::1", "http://1.2.3.4.5/", "http://a:99999/", "http://256.1.1.1", "https://%00.com",
            "//x",
        ]
        try await self.check(invalid.map { ("return [URL.canParse('\($0)'), URL.parse('\($0)')]", "[false,null]") })
    }

    @Test("URL resolves against a base as browsers do")
    func resolving() async throws {
        let resolved = [
            ("../x?y#z", "https://a.b/c/d/e", "https://a.b/c/x?y#z"), ("?q", "https://a.b/c/d?e#f", "https://a.b/c/d?q"),
            ("#g", "https://a.b/c?d#f", "https://a.b/c?d#g"), ("", "https://a.b/c?d#f", "https://a.b/c?d"),
            ("//x/y", "https://a.b/c", "https://x/y"), ("/y", "https://u:p@a.b:8/c", "https://u:p@a.b:8/y"),
            ("y", "https://a.b", "https://a.b/y"), ("http:y", "http://a.b/c/d", "http://a.b/c/y"), ("#x", "mailto:a@b", "mailto:a@b#x"),
            ("./..", "https://a/b/c/d", "https://a/b/"), ("x", "file:///a/b", "file:///a/x"),
            ("https://x.y", "https://a.b", "https://x.y/"),
        ]
        try await self.check(resolved.map { ("return new URL('\($0)', '\($1)').href", "\"\($2)\"") })
    }

    @Test("URL has its parts, and its setters and searchParams change it")
    func parts() async throws {
        try await self.check([
            (
                """
                const u = new URL('https://u:p@a.b:8/c/d?e=1#f');
                return [u.origin, u.protocol, u.username, u.password, u.host, u.hostname, u.port, u.pathname, u.search, u.hash];
                """,
                ##"["https://a.b:8","https:","u","p","a.b:8","a.b","8","/c/d","?e=1","#f"]"##
            ),
            (
                """
                const u = new URL('http://a.b/');
                u.protocol = 'https'; u.host = 'x.y:9'; u.pathname = '/p q'; u.search = 'r=s'; u.hash = 't'; u.username = 'w';
                return u;
                """,
                ##""https://w@x.y:9/p%20q?r=s#t""##
            ),
            (
                "const u = new URL('http://a.b:8/'); u.port = '80'; u.hostname = 'c'; u.port = 'x'; u.host = ''; return u.href",
                #""http://c/""#
            ),
            (
                """
                const u = new URL('http://a/?x=1&y=2');
                u.searchParams.append('z', 'a b&c'); u.searchParams.delete('x');
                return [u.search, u.searchParams.get('z')];
                """,
                #"["?y=2&z=a+b%26c","a b&c"]"#
            ),
            (
                """
                const u = new URL('http://a/?x=1'), p = u.searchParams;
                u.search = '?k=v';
                return [p.get('x'), p.get('k'), p === u.searchParams];
                """,
                #"[null,"v",true]"#
            ),
        ])
    }

    @Test("URLSearchParams reads and writes forms")
    func searchParams() async throws {
        try await self.check([
            ("return [...new URLSearchParams('?a=1&b=%C3%A4+c&a=2&d').entries()]", #"[["a","1"],["b","ä c"],["a","2"],["d",""]]"#),
            ("return String(new URLSearchParams({ q: 'a b', 'ü': '*~' }))", #""q=a+b&%C3%BC=*%7E""#),
            ("return String(new URLSearchParams([['b', 1], ['a', 2], ['b', 3]]))", #""b=1&a=2&b=3""#),
            (
                """
                const p = new URLSearchParams('b=1&a=2&b=3');
                p.sort(); p.set('b', 4);
                return [String(p), p.has('a', '2'), p.has('a', '3'), p.size, p.getAll('b')];
                """,
                #"["a=2&b=4",true,false,2,["4"]]"#
            ),
        ])
    }

    @Test("TextEncoder and TextDecoder know UTF-8, sound or not")
    func encoding() async throws {
        let noise = "[0xef, 0xbb, 0xbf, 97, 0xff, 0xc3, 0x28, 0xed, 0xa0, 0x80, 0xf0, 0x9f]"
        try await self.check([
            (#"return new TextEncoder().encode('aä€😀\ud800')"#, "[97,195,164,226,130,172,240,159,152,128,239,191,189]"),
            ("const t = 'aä€😀'.repeat(5000); return new TextDecoder().decode(new TextEncoder().encode(t)) === t", "true"),
            (
                "return new TextDecoder().decode(new Uint8Array(\(noise)))",
                "\"a\u{fffd}\u{fffd}(\u{fffd}\u{fffd}\u{fffd}\u{fffd}\""
            ),
            (
                """
                const d = new TextDecoder();
                return d.decode(new Uint8Array([0xe2, 0x82]), { stream: true }) + d.decode(new Uint8Array([0xac]));
                """,
                #""€""#
            ),
            ("new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([0xff]))", "TypeError: the bytes are not valid UTF-8"),
            ("return new TextEncoder().encodeInto('ä€', new Uint8Array(4))", #"{"read":1,"written":2}"#),
        ])
    }

    @Test("atob and btoa agree with each other")
    func base64() async throws {
        try await self.check([
            (
                #"return [btoa('hello'), btoa('\xff'), atob('aGVsbG8='), atob(' aGVs bG8 '), btoa('')]"#,
                #"["aGVsbG8=","/w==","hello","hello",""]"#
            ),
            ("btoa('€')", "InvalidCharacterError: btoa takes characters up to U+00FF; encode others with TextEncoder first"),
            ("atob('a')", "InvalidCharacterError: the text is not base64"),
        ])
    }

    @Test("structuredClone copies deeply, keeps cycles, and refuses functions")
    func structuredClone() async throws {
        try await self.check([
            (
                """
                const a: any = { d: new Date(5), m: new Map([[1, new Set(['x'])]]), r: /x/gi, u: undefined, n: [1, [2]], b: new Uint8Array([1, 2]) };
                a.self = a;
                const c = structuredClone(a);
                return [c !== a, c.self === c, c.d.getTime(), c.m.get(1).has('x'), String(c.r), 'u' in c, c.n, c.b, c.n !== a.n];
                """,
                #"[true,true,5,true,"/x/gi",true,[1,[2]],[1,2],true]"#
            ),
            ("const e = structuredClone(new RangeError('x')); return [e instanceof RangeError, e.message]", #"[true,"x"]"#),
            ("structuredClone({ f() {} })", "DataCloneError: a function cannot be cloned"),
            ("structuredClone(Symbol())", "DataCloneError: a symbol cannot be cloned"),
        ])
    }
}
