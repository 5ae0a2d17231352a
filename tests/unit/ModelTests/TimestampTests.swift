import Model
import Testing

@Suite struct TimestampTests {
    private static let moments: [(Int64, String)] = [
        (0, "1970-01-01T00:00:00.000000Z"), (1_700_000_000_123_456, "2023-11-14T22:13:20.123456Z"),
        (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"), (-1, "1969-12-31T23:59:59.999999Z"),
        (4_102_444_799_999_999, "2099-12-31T23:59:59.999999Z"), (-2_203_891_200_000_000, "1900-03-01T00:00:00.000000Z"),
    ]

    @Test("prints RFC 3339 in UTC with microseconds", arguments: Self.moments)
    func text(microseconds: Int64, text: String) {
        #expect(Timestamp(microseconds: microseconds).description == text)
    }

    @Test(
        "prints the date of HTTP",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777_000_000, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (1_709_164_799_999_999, "Wed, 28 Feb 2024 23:59:59 GMT"), (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
        ])
    func httpDate(microseconds: Int64, text: String) {
        #expect(Timestamp(microseconds: microseconds).httpDate == text)
    }

    @Test("advances by a duration, down to the microsecond")
    func advance() {
        #expect(Timestamp(microseconds: 5).advanced(by: .seconds(2) + .microseconds(7)).microseconds == 2_000_012)
    }
}
