import JSON
import Testing

@Suite("JSON values")
struct JSONValueTests {
    @Test("Literals make the values that they look like")
    func literals() {
        let value: JSONValue = ["a": [1, 2.5, "x\(1)", true, nil], "b": [:]]
        #expect(value.text() == #"{"a":[1,2.5,"x1",true,null],"b":{}}"#)
    }

    @Test("Accessors give nil for every other kind of value")
    func accessors() {
        let value: JSONValue = ["number": 2.0, "string": "s", "array": [false, nil]]
        #expect(value["number"]?.int == 2)
        #expect(value["number"]?.double == 2)
        #expect(value["string"]?.string == "s")
        #expect(value["array"]?[0]?.bool == false)
        #expect(value["array"]?[1]?.isNull == true)
        #expect(value["array"]?[2] == nil)
        #expect(value["array"]?[-1] == nil)
        #expect(value["missing"] == nil)
        #expect(value["string"]?.int == nil)
        #expect(value[0] == nil)
        #expect(value.object?.keys == ["number", "string", "array"])
    }

    @Test("Equality is that of the data model: members in any order, numbers by value, strings by bytes")
    func equality() throws {
        let left = try JSONValue(parsing: #"{"a": 1, "b": [1.0]}"#)
        let right = try JSONValue(parsing: #"{"b": [10e-1], "a": 1.0}"#)
        #expect(left == right)
        #expect(left.hashValue == right.hashValue)
        #expect(JSONValue.string("é") != JSONValue.string("e\u{301}"))
        #expect(JSONValue.bool(true) != 1)
        #expect(JSONValue.array([1, 2]) != [2, 1])
    }

    @Test("Infinities and NaN, which JSON does not have, become null")
    func nonFinite() {
        #expect(JSONValue.double(.infinity).isNull)
        #expect(JSONValue.double(.nan).isNull)
        #expect(JSONNumber(Double.nan) == nil)
    }
}

@Suite("JSON objects")
struct JSONObjectTests {
    @Test("Members keep the order of their first appearance, with the value of the last", arguments: [3, 30])
    func order(count: Int) {
        var object = JSONObject((0..<count).map { (key: "k\($0)", value: JSONValue.int($0)) })
        object["k1"] = "changed"
        object["new"] = 1
        #expect(object.keys == (0..<count).map { "k\($0)" } + ["new"])
        #expect(object["k1"] == "changed")
        #expect(object[1].value == "changed")
        object["k0"] = nil
        #expect(object.first?.key == "k1")
        #expect(object["k0"] == nil)
        #expect(object["k\(count - 1)"] == (count == 2 ? "changed" : .int(count - 1)))
        #expect(object.count == count)
    }

    @Test("Growing and shrinking across the size at which an index begins keeps every member findable")
    func indexing() {
        var object = JSONObject()
        for number in 0..<50 {
            object.set(.int(number), forKey: String(number))
            #expect((0...number).allSatisfy { object[String($0)]?.int == $0 })
        }
        for number in (0..<50).reversed() {
            #expect(object.removeValue(forKey: String(number))?.int == number)
            #expect((0..<number).allSatisfy { object[String($0)]?.int == $0 })
        }
        #expect(object.isEmpty)
    }

    @Test("Names that differ only in normalisation are different members", arguments: [0, 20])
    func normalisation(padding: Int) {
        var object = JSONObject((0..<padding).map { (key: "p\($0)", value: nil) })
        object["é"] = 1
        object["e\u{301}"] = 2
        #expect(object["é"] == 1)
        #expect(object["e\u{301}"] == 2)
    }

    @Test("A hundred thousand members, and as many repetitions of one, are read in time", .timeLimit(.minutes(1)))
    func hostileSize() throws {
        let many = "{" + (0..<100_000).map { "\"key\($0)\":\($0)" }.joined(separator: ",") + "}"
        let object = try #require(try JSONValue(parsing: many).object)
        #expect(object.count == 100_000)
        #expect(object["key99999"] == 99_999)
        let repeated = "{" + (0..<100_000).map { "\"key\":\($0)" }.joined(separator: ",") + "}"
        #expect(try JSONValue(parsing: repeated) == ["key": 99_999])
    }
}
