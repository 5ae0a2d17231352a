/// Which letters and which pairs of letters a word has, folded into 64 bits: a sieve before words are compared byte by byte.
///
/// A word that holds another has all of its letters and pairs, and one that begins another has none but those of the other. Pairs share
/// bits, and so do letters that are not ASCII; what passes must still be compared.
struct LetterSet: Sendable, Hashable {
    /// From the lowest: a bit for each of `a` to `z`, for each of `0` to `9`, one for all other bytes, the others for pairs.
    private var bits: UInt64 = 0

    private static let pairShift: UInt64 = 37
    private static let pairCount: UInt64 = 27

    init(_ word: UnsafeBufferPointer<UInt8>) {
        var last: UInt64?
        for byte in word {
            let letter: UInt64
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): letter = UInt64(byte - UInt8(ascii: "a"))
            case UInt8(ascii: "0")...UInt8(ascii: "9"): letter = UInt64(byte - UInt8(ascii: "0")) + 26
            default: letter = 36
            }
            self.bits |= 1 << letter
            if let last { self.bits |= 1 << (Self.pairShift + (last * 5 + letter) % Self.pairCount) }
            last = letter
        }
    }

    /// Whether these are one letter that shares its bit with no other, so that whoever has it is known without looking.
    var isOneLetter: Bool { self.bits.nonzeroBitCount == 1 && self.bits < 1 << 36 }

    /// Whether all of the others are among these.
    func holds(_ other: LetterSet) -> Bool { self.bits & other.bits == other.bits }

    /// Whether a word with these may hold one with the others, or be a shorter one with which that begins.
    func mayFit(_ other: LetterSet) -> Bool { self.bits & other.bits == other.bits || self.bits & ~other.bits == 0 }
}
