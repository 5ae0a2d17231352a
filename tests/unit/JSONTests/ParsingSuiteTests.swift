import JSON
import Testing

/// The JSON parsing test suite by Nicolas Seriot: `y_` texts must be accepted, `n_` texts rejected, `i_` texts may be either.
@Suite("JSON parsing test suite", Corpus.isRequired)
struct ParsingSuiteTests {
    private static let folder = "json/test_parsing"

    /// The `i_` texts that are accepted. Huge exponents keep their text; escaped half surrogate pairs become U+FFFD in trees; a byte
    /// order mark is ignored. Rejected are bytes that are not UTF-8, exponents of more than 17 digits, and 500 levels of nesting.
    private static let acceptedByChoice: Set<String> = [
        "i_number_double_huge_neg_exp.json", "i_number_neg_int_huge_exp.json", "i_number_pos_double_huge_exp.json",
        "i_number_real_neg_overflow.json", "i_number_real_pos_overflow.json", "i_number_real_underflow.json",
        "i_number_too_big_neg_int.json", "i_number_too_big_pos_int.json", "i_number_very_big_negative_int.json",
        "i_object_key_lone_2nd_surrogate.json", "i_string_1st_surrogate_but_2nd_missing.json",
        "i_string_1st_valid_surrogate_2nd_invalid.json", "i_string_incomplete_surrogate_and_escape_valid.json",
        "i_string_incomplete_surrogate_pair.json", "i_string_incomplete_surrogates_escape_valid.json",
        "i_string_invalid_lonely_surrogate.json", "i_string_invalid_surrogate.json", "i_string_inverted_surrogates_U+1D11E.json",
        "i_string_lone_second_surrogate.json", "i_structure_UTF-8_BOM_empty_object.json",
    ]

    @Test("Every text of the suite is accepted or rejected as it should be, as a tree and as a text", arguments: Corpus.names(in: folder))
    func suite(name: String) throws {
        let bytes = try Corpus.bytes("\(Self.folder)/\(name)")
        let isValid = name.hasPrefix("y_") || Self.acceptedByChoice.contains(name)
        let value = Result { try JSONValue(parsing: bytes) }
        let text = Result { try JSONText(validating: bytes) }
        #expect(((try? value.get()) != nil) == isValid, "\(value)")
        #expect(((try? text.get()) != nil) == isValid, "\(text)")
        guard let value = try? value.get() else { return }
        #expect(try JSONValue(parsing: value.bytes()) == value)
        #expect(try JSONValue(parsing: value.prettyText()) == value)
    }

    @Test("The whole suite is there")
    func count() { #expect(Corpus.names(in: Self.folder).count == 318) }
}
