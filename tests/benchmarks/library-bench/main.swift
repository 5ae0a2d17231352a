import Foundation

// usage: library-bench CORPUS: prints tab-separated rows for `bench.py`.
//        library-bench database URL QUESTION CALLERS SECONDS: one measurement of the PostgreSQL driver, see `DatabaseBench`.
//        library-bench calls FOLDER URL: what the record of a call costs, on a SQLite file in FOLDER and on an empty PostgreSQL database.
//        library-bench search FOLDER URL: searching tools, on a SQLite file in FOLDER and on an empty PostgreSQL database.
if CommandLine.arguments.dropFirst().first == "database", let bench = DatabaseBench(Array(CommandLine.arguments.dropFirst(2))) {
    try await bench.run()
    exit(0)
}
if CommandLine.arguments.count == 4, CommandLine.arguments[1] == "search" {
    try await SearchBench.run(folder: CommandLine.arguments[2], url: CommandLine.arguments[3])
    exit(0)
}
if CommandLine.arguments.count == 4, CommandLine.arguments[1] == "calls" {
    try await CallBench.run(folder: CommandLine.arguments[2], url: CommandLine.arguments[3])
    exit(0)
}
guard CommandLine.arguments.count == 2 else {
    FileHandle.standardError.write(Data("usage: library-bench CORPUS\n".utf8))
    exit(64)
}
let corpus = CommandLine.arguments[1]
try JSONBench.run(corpus: corpus, rounds: 5)
try IngestBench.run(corpus: corpus, rounds: 5)
