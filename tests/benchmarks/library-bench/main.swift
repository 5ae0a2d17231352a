import Foundation

// usage: library-bench CORPUS: prints tab-separated rows for `bench.py`.
//        library-bench database URL SECONDS: the PostgreSQL driver; see `database-bench`.
if CommandLine.arguments.count == 4, CommandLine.arguments[1] == "database", let seconds = Int(CommandLine.arguments[3]) {
    try await DatabaseBench.run(url: CommandLine.arguments[2], seconds: seconds)
    exit(0)
}
guard CommandLine.arguments.count == 2 else {
    FileHandle.standardError.write(Data("usage: library-bench CORPUS\n".utf8))
    exit(64)
}
let corpus = CommandLine.arguments[1]
try JSONBench.run(corpus: corpus, rounds: 5)
try IngestBench.run(corpus: corpus, rounds: 5)
