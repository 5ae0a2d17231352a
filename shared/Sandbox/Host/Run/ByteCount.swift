/// A number of bytes as people read it: `16 MiB`, or `1,000 bytes` where it is not a round one.
struct ByteCount: CustomStringConvertible {
    private let count: Int

    init(_ count: Int) { self.count = count }

    var description: String {
        for (unit, size) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] where self.count >= size && self.count % size == 0 {
            return "\(self.count / size) \(unit)"
        }
        return "\(self.count) bytes"
    }
}
