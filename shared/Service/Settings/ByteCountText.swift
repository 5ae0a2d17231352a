/// Byte counts as people write them in configuration: a whole number, alone or with a binary unit (IEC 80000-13).
enum ByteCountText {
    private static let units: [(suffix: String, bytes: Int)] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]

    static func parse(_ text: String) -> Int? {
        for unit in Self.units where text.hasSuffix(unit.suffix) {
            guard let count = Int(text.dropLast(unit.suffix.count)), count >= 0 else { return nil }
            let (bytes, overflow) = count.multipliedReportingOverflow(by: unit.bytes)
            return overflow ? nil : bytes
        }
        return Int(text).flatMap { $0 >= 0 ? $0 : nil }
    }

    /// The largest unit that needs no fraction.
    static func format(_ byteCount: Int) -> String {
        for unit in Self.units where byteCount != 0 && byteCount % unit.bytes == 0 {
            return "\(byteCount / unit.bytes)\(unit.suffix)"
        }
        return String(byteCount)
    }
}
