import JSON
import Testing

@testable import OpenAPI

/// The table of OpenAPI 3.1.1, section 4.8.12.4, row by row.
@Suite("Parameter styles")
struct ParameterStyleTests {
    private static let empty: JSONValue = ""
    private static let string: JSONValue = "blue"
    private static let array: JSONValue = ["blue", "black", "brown"]
    private static let object: JSONValue = ["R": 100, "G": 200, "B": 150]

    private static func query(_ style: ParameterBinding.Style, _ explode: Bool, _ value: JSONValue) -> String {
        ParameterWriter(style: style, explode: explode, encoding: .unreserved).pairs("color", value).map { "\($0.name)=\($0.value)" }
            .joined(separator: "&")
    }

    private static func path(_ style: ParameterBinding.Style, _ explode: Bool, _ value: JSONValue) -> String {
        ParameterWriter(style: style, explode: explode, encoding: .unreserved).pathText("color", value)
    }

    @Test(
        "in a path",
        arguments: [
            (.matrix, false, [";color", ";color=blue", ";color=blue,black,brown", ";color=R,100,G,200,B,150"]),
            (.matrix, true, [";color", ";color=blue", ";color=blue;color=black;color=brown", ";R=100;G=200;B=150"]),
            (.label, false, [".", ".blue", ".blue,black,brown", ".R,100,G,200,B,150"]),
            (.label, true, [".", ".blue", ".blue.black.brown", ".R=100.G=200.B=150"]),
            (.simple, false, ["", "blue", "blue,black,brown", "R,100,G,200,B,150"]),
            (.simple, true, ["", "blue", "blue,black,brown", "R=100,G=200,B=150"]),
        ] as [(ParameterBinding.Style, Bool, [String])])
    func paths(style: ParameterBinding.Style, explode: Bool, expected: [String]) {
        #expect([Self.empty, Self.string, Self.array, Self.object].map { Self.path(style, explode, $0) } == expected)
    }

    @Test(
        "in a query",
        arguments: [
            (.form, false, ["color=", "color=blue", "color=blue,black,brown", "color=R,100,G,200,B,150"]),
            (.form, true, ["color=", "color=blue", "color=blue&color=black&color=brown", "R=100&G=200&B=150"]),
            (.spaceDelimited, false, ["color=", "color=blue", "color=blue%20black%20brown", "color=R%20100%20G%20200%20B%20150"]),
            (.pipeDelimited, false, ["color=", "color=blue", "color=blue%7Cblack%7Cbrown", "color=R%7C100%7CG%7C200%7CB%7C150"]),
            (
                .deepObject, true,
                [
                    "color=", "color=blue", "color%5B0%5D=blue&color%5B1%5D=black&color%5B2%5D=brown",
                    "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150",
                ]
            ),
        ] as [(ParameterBinding.Style, Bool, [String])])
    func queries(style: ParameterBinding.Style, explode: Bool, expected: [String]) {
        #expect([Self.empty, Self.string, Self.array, Self.object].map { Self.query(style, explode, $0) } == expected)
    }

    @Test("in a header")
    func headers() {
        #expect(
            [Self.empty, Self.string, Self.array, Self.object].map { ParameterWriter.headerText($0, explode: false) } == [
                "", "blue", "blue,black,brown", "R,100,G,200,B,150",
            ])
        #expect(ParameterWriter.headerText(Self.object, explode: true) == "R=100,G=200,B=150")
    }

    @Test("encode values, and never let them become structure")
    func encoding() {
        #expect(Self.query(.form, true, "a&b=c#d e/f?g+h%2") == "color=a%26b%3Dc%23d%20e%2Ff%3Fg%2Bh%252")
        #expect(Self.query(.form, true, ["a&b": "c"]) == "a%26b=c")
        #expect(Self.query(.form, false, ["a,b", "c"]) == "color=a%2Cb,c")
        #expect(Self.path(.simple, false, "a/../b") == "a%2F..%2Fb")
        #expect(Self.query(.form, true, "ü") == "color=%C3%BC")
        let reserved = ParameterWriter(style: .form, explode: true, encoding: .reservedInQuery)
        #expect(reserved.pairs("q", "a/b:c@d?e=f,g;h(i)&j#k[l]+m%20n%").map(\.value) == ["a/b:c@d?e=f,g;h(i)%26j%23k%5Bl%5D%2Bm%20n%25"])
    }

    @Test("go on with brackets in deepObject, and with JSON elsewhere")
    func nested() {
        let value: JSONValue = ["a": ["b": [1, ["c": true]]], "n": nil, "s": "x y"]
        #expect(
            Self.query(.deepObject, true, value) == "color%5Ba%5D%5Bb%5D%5B0%5D=1&color%5Ba%5D%5Bb%5D%5B1%5D%5Bc%5D=true&color%5Bs%5D=x%20y"
        )
        #expect(Self.query(.form, true, ["a": ["b": 1]]) == "a=%7B%22b%22%3A1%7D")
        #expect(Self.query(.form, true, []) == "")
        #expect(Self.query(.form, false, []) == "color=")
        #expect(Self.query(.form, true, [nil, "a"]) == "color=&color=a")
        #expect(Self.query(.form, true, 1.5) == "color=1.5")
        #expect(Self.query(.form, true, false) == "color=false")
    }
}
