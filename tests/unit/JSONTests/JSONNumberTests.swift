import JSON
import Testing

@Suite("JSON numbers")
struct JSONNumberTests {
    @Test(
        "No digit is lost between reading and writing",
        arguments: [
            "0", "-1", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "123456789012345678901234567890", "0.1",
            "-0.5",
            "0.30000000000000004", "3.141592653589793238462643", "1e400", "-1e-400", "1.50e300", "1000000000000000000000000000000e-30",
        ])
    func exactness(text: String) throws {
        let written = try JSONValue(parsing: text).text()
        #expect(try JSONValue(parsing: written) == JSONValue(parsing: text))
        #expect(written == text || written.utf8.count < text.utf8.count)
    }

    @Test(
        "Numbers are equal by value, however written, and then have one hash",
        arguments: [
            ("1", "1.0"), ("1", "10e-1"), ("100", "1e2"), ("0", "-0.0"), ("0", "0e99999"), ("0.1", "0.10000000000000000000000"),
            ("9007199254740993", "9007199254740993.0"), ("1e400", "10e399"), ("1e400", "0.1e401"),
            ("12345678901234567890", "1.234567890123456789e19"),
        ])
    func equality(left: String, right: String) throws {
        let (left, right) = (try #require(JSONNumber(left)), try #require(JSONNumber(right)))
        #expect(left == right)
        #expect(left.hashValue == right.hashValue)
        #expect(!(left < right) && !(right < left))
    }

    @Test(
        "Numbers are ordered by value at any size",
        arguments: [
            ("1", "2"), ("-2", "-1"), ("-1", "0"), ("0", "1e-400"), ("9007199254740992", "9007199254740993"),
            ("9007199254740992.0", "9007199254740993"),
            ("9223372036854775807", "9223372036854775808"), ("1e308", "1e309"), ("-1e309", "-1e308"), ("0.1", "0.10000000000000000000001"),
            ("-1e400", "1e400"), ("99999999999999999999", "100000000000000000000"), ("1e-401", "1e-400"),
        ])
    func order(left: String, right: String) throws {
        let (left, right) = (try #require(JSONNumber(left)), try #require(JSONNumber(right)))
        #expect(left < right)
        #expect(!(right < left))
        #expect(left != right)
    }

    @Test("A number is an integer by value, not by spelling")
    func integers() {
        #expect(JSONNumber("2.0")?.int == 2)
        #expect(JSONNumber("1.5e1")?.int == 15)
        #expect(JSONNumber("9223372036854775807.0")?.int == .max)
        #expect(JSONNumber("-9223372036854775808.00")?.int == .min)
        #expect(JSONNumber("9223372036854775808")?.int == nil)
        #expect(JSONNumber("9223372036854775808")?.isInteger == true)
        #expect(JSONNumber("1e400")?.isInteger == true)
        #expect(JSONNumber("1e-400")?.isInteger == false)
        #expect(JSONNumber("0.5")?.int == nil)
        #expect(JSONNumber("1e400")?.double == .infinity)
    }

    @Test(
        "Text that is not exactly one number makes none",
        arguments: ["", " 1", "1 ", "01", "+1", "1.", ".5", "0x1", "NaN", "1e", "\u{FEFF}1", "[1]"])
    func invalid(text: String) { #expect(JSONNumber(text) == nil) }

    @Test("Doubles of any kind are written so that they are read back the same", arguments: 0..<20 as Range<UInt64>)
    func doubles(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<100 {
            let double = Double(bitPattern: random.next())
            guard double.isFinite else { continue }
            #expect(try JSONValue(parsing: JSONValue.double(double).text()).double == double)
            let short = Double(Int.random(in: -999_999...999_999, using: &random)) / 1000
            #expect(try JSONValue(parsing: "\(short)").double == short)
        }
    }
}
