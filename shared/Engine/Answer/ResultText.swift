import JSON

/// A program's result as text: strings as they are, everything else as JSON indented by two spaces, cut at a bound.
///
/// Works from the front of the bytes and stops at the bound, so that a result of 10 MB costs no more than one of 30,000 characters.
struct ResultText {
    let text: String
    let isCut: Bool

    init(_ result: JSONText, maxCharacters: Int) {
        if result.bytes.first == UInt8(ascii: "\"") {
            (self.text, self.isCut) = Self.stringPrefix(result.bytes, maxCharacters)
        } else {
            (self.text, self.isCut) = result.prettyPrefix(maxCharacters: maxCharacters)
        }
    }

    /// Whether the result counts as none: null or an empty string.
    static func isNone(_ result: JSONText?) -> Bool {
        guard let result else { return true }
        return result.bytes.elementsEqual("null".utf8) || result.bytes.elementsEqual("\"\"".utf8)
    }

    /// The first characters of a JSON string, unescaped.
    private static func stringPrefix(_ bytes: [UInt8], _ maxCharacters: Int) -> (text: String, isCut: Bool) {
        var end = 1
        var count = 0
        while bytes[end] != UInt8(ascii: "\""), count < maxCharacters {
            end += self.characterLength(bytes, at: end)
            count += 1
        }
        let isCut = bytes[end] != UInt8(ascii: "\"")
        let prefix = isCut ? bytes[..<end] + [UInt8(ascii: "\"")] : bytes[...]
        // The bytes were checked when they came in; a number of characters from the front and a quote are a JSON string again.
        let value = try? JSONValue(parsing: Array(prefix))
        return (value?.string ?? "", isCut)
    }

    /// How many bytes the character at `index` takes; an escaped surrogate pair is one character.
    private static func characterLength(_ bytes: [UInt8], at index: Int) -> Int {
        switch bytes[index] {
        case UInt8(ascii: "\\"):
            guard bytes[index + 1] == UInt8(ascii: "u") else { return 2 }
            let isHigh = self.isSurrogate(bytes, at: index, "89aAbB") && self.isSurrogate(bytes, at: index + 6, "cdefCDEF")
            return isHigh ? 12 : 6
        case 0xF0...: return 4
        case 0xE0..<0xF0: return 3
        case 0xC0..<0xE0: return 2
        default: return 1
        }
    }

    private static func isSurrogate(_ bytes: [UInt8], at index: Int, _ second: String) -> Bool {
        guard index + 6 < bytes.count, bytes[index] == UInt8(ascii: "\\"), bytes[index + 1] == UInt8(ascii: "u") else { return false }
        return (bytes[index + 2] | 0x20) == UInt8(ascii: "d") && second.utf8.contains(bytes[index + 3])
    }
}
