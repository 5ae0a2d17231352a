/// Something of a document that was left out or cannot be used, for whoever added it. The rest of the document works.
package struct IngestFault: Sendable, Hashable {
    /// `GET /pets/{id}`, or the name of what is meant.
    package let location: String
    /// What is wrong with it.
    package let message: String

    package init(location: String, message: String) {
        self.location = location
        self.message = message
    }
}

/// The faults of one ingest: the first few in full, the rest as a number.
struct IngestFaults {
    private let maxFaults: Int
    private(set) var listed: [IngestFault] = []
    private(set) var unlistedCount = 0
    /// What is read now, as the location of the faults that come up.
    var location = ""

    init(maxFaults: Int) { self.maxFaults = maxFaults }

    /// Notes a fault at the current location; the same one is noted once.
    mutating func add(_ message: String) {
        let fault = IngestFault(location: self.location.printable(200), message: message)
        guard !self.listed.contains(fault) else { return }
        if self.listed.count < self.maxFaults { self.listed.append(fault) } else { self.unlistedCount += 1 }
    }
}
