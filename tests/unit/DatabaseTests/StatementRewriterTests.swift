import Model
import TestSupport
import Testing

@testable import Database

@Suite("Statements in each dialect's spelling")
struct StatementRewriterTests {
    @Test(
        "Parameters are rewritten, quoted text, names and comments are not",
        arguments: [
            ("SELECT $1", "SELECT ?1", 1),
            ("SELECT $2, $1", "SELECT ?2, ?1", 2),
            ("SELECT $1,$1", "SELECT ?1,?1", 1),
            ("SELECT '$1', $1", "SELECT '$1', ?1", 1),
            ("SELECT 'it''s $2', $1", "SELECT 'it''s $2', ?1", 1),
            (#"SELECT "a$1""b" FROM t WHERE x=$1"#, #"SELECT "a$1""b" FROM t WHERE x=?1"#, 1),
            ("SELECT 1 -- $1 {no} '\n, $1", "SELECT 1 -- $1 {no} '\n, ?1", 1),
            ("SELECT /* $9 ' \" */ $1", "SELECT /* $9 ' \" */ ?1", 1),
            ("SELECT a$1, $1", "SELECT a$1, ?1", 1),
            ("SELECT 'ünï$1', $1", "SELECT 'ünï$1', ?1", 1),
            ("SELECT '?', '{now}'", "SELECT '?', '{now}'", 0),
            ("SELECT 4-$1", "SELECT 4-?1", 1),
            ("SELECT $10 + $1 + $2+$3+$4+$5+$6+$7+$8+$9", "SELECT ?10 + ?1 + ?2+?3+?4+?5+?6+?7+?8+?9", 10),
            ("CREATE TABLE t (a {bytes})", "CREATE TABLE t (a BLOB)", 0),
        ])
    func rewrites(text: String, expected: String, count: Int) throws {
        let rewritten = try StatementRewriter.rewrite(Statement(generated: text), for: .sqlite)
        #expect(rewritten.text == expected)
        #expect(rewritten.parameterCount == count)
    }

    @Test("PostgreSQL keeps its parameters and gets its own words")
    func postgreSQL() throws {
        let rewritten = try StatementRewriter.rewrite("CREATE TABLE t (a {bytes}, b {key}, c BIGINT DEFAULT $1)", for: .postgreSQL)
        #expect(rewritten.text == #"CREATE TABLE t (a BYTEA, b TEXT COLLATE "C", c BIGINT DEFAULT $1)"#)
    }

    @Test(
        "What no database would take in the same sense is refused",
        arguments: [
            "SELECT $0", "SELECT $", "SELECT $x", "SELECT $1a", "SELECT $01", "SELECT ?", "SELECT ?1", "SELECT {nothing}", "SELECT {now",
            "SELECT }", "SELECT 'open", "SELECT \"open", "SELECT /* open", "SELECT $2", "SELECT $1, $3", "SELECT $99999999999999999999",
        ])
    func refuses(text: String) {
        let error = #expect(throws: DatabaseError.self) { try StatementRewriter.rewrite(Statement(generated: text), for: .sqlite) }
        #expect(error?.code == .invalidStatement)
    }

    @Test(
        "Only what certainly reads goes to a reader",
        arguments: [
            ("SELECT 1", true), ("select 1", true), ("  WITH a AS (SELECT 1) SELECT * FROM a", true), ("VALUES (1)", true),
            ("SELECT 'DELETE'", true), ("SELECT deleted FROM t", true), ("INSERT INTO t VALUES (1) RETURNING a", false),
            ("WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a", false), ("SELECT 1 FOR UPDATE", false), ("PRAGMA user_version", false),
            ("-- SELECT\nDELETE FROM t", false), ("", false),
        ])
    func classifies(text: String, isReading: Bool) throws {
        #expect(try StatementRewriter.rewrite(Statement(generated: text), for: .sqlite).isReading == isReading)
    }

    @Test("Random statements of every kind of piece come out piece by piece", arguments: 0..<40)
    func fuzz(round: UInt64) throws {
        var generator = SeededGenerator(state: round + 1)
        let pieces: [(input: String, output: String)] = [
            ("'$1 ? {x} -- /*'", "'$1 ? {x} -- /*'"), ("'a''$2'", "'a''$2'"), ("\"q$1\"", "\"q$1\""), ("\"\"\"\"", "\"\"\"\""),
            ("-- '$1\" {\n", "-- '$1\" {\n"), ("/* ' $3 { */", "/* ' $3 { */"), ("-", "-"), ("/", "/"), ("*", "*"), ("(", "("), (",", ","),
            ("word$3", "word$3"), ("{bytes}", "BLOB"), ("é", "é"), ("1.5", "1.5"), ("$1", "?1"), ("$2", "?2"), ("$3", "?3"), (";", ";"),
        ]
        for _ in 0..<100 {
            var (input, output) = ("$1 $2 $3", "?1 ?2 ?3")
            for _ in 0..<Int.random(in: 0..<30, using: &generator) {
                // A blank keeps pieces apart, so that two of them do not make a third.
                let piece = pieces[Int.random(in: 0..<pieces.count, using: &generator)]
                input += " " + piece.input
                output += " " + piece.output
            }
            #expect(try StatementRewriter.rewrite(Statement(generated: input), for: .sqlite).text == output)
        }
    }

    @Test("No bytes whatever make the rewriter trap", arguments: 0..<20)
    func noTrap(round: UInt64) {
        var generator = SeededGenerator(state: round + 1000)
        let alphabet = Array("$$$0123456789'\"{}-/*\n ?nowbytesé;")
        for _ in 0..<500 {
            let text = String((0..<Int.random(in: 0..<40, using: &generator)).map { _ in alphabet.randomElement(using: &generator) ?? " " })
            _ = try? StatementRewriter.rewrite(Statement(generated: text), for: .sqlite)
        }
    }
}

/// SplitMix64: the same numbers for the same start.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
