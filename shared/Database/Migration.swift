/// One step of the schema, from one version to the next. Once released it is never edited; a mistake is mended by a further step.
package struct Migration: Sendable, Hashable {
    /// Four digits that sort in the order of application: `0001`.
    package let id: String
    /// What it brings, in a few words, for people.
    package let name: String
    /// Run in order, in one transaction with the stamp. Equal for both databases, so that the checksum is too: what only one of them
    /// has, such as row-level security, follows from the schema and is not written here.
    package let statements: [Statement]
    /// The oldest step a program may know as its last and still work on a database that has this one; this step itself when nothing
    /// older does.
    package let admits: String

    /// - Parameter admits: the oldest version that still works afterwards, for a step that only adds. While the services of an
    ///   installation are replaced one by one, old ones run on the new schema.
    /// - Precondition: `admits` is not newer than `id`.
    package init(id: String, name: String, statements: [Statement], admits: String? = nil) {
        let admits = admits ?? id
        precondition(admits <= id, "a migration cannot demand a newer program than its own")
        self.id = id
        self.name = name
        self.statements = statements
        self.admits = admits
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
