/// One step of the schema, from one version to the next. Once released it is never edited; a mistake is mended by a further step.
package struct Migration: Sendable, Hashable {
    /// Four digits that sort in the order of application: `0001`.
    package let id: String
    /// What it brings, in a few words, for people.
    package let name: String
    /// Run in order, in one transaction with the stamp.
    package let statements: [Statement]

    package init(id: String, name: String, statements: [Statement]) {
        self.id = id
        self.name = name
        self.statements = statements
    }

    /// Tells whether a migration was edited after it had been applied: FNV-1a over name and statements. It guards against mistakes,
    /// not against forgery, since whoever can write the stamp can write anything.
    var checksum: String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for text in [self.name] + self.statements.map(\.text) {
            for byte in text.utf8 + [0] {
                hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
            }
        }
        return String(hash, radix: 16)
    }
}
