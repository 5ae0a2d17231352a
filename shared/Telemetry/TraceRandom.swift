import Synchronization

/// Random numbers for identifiers of traces, which have to be unlike each other and nothing more.
///
/// The system's generator is a system call for each number, which for a request that only passes something on is one part in forty of its
/// cost. This is SplitMix64 (Steele, Lea, Flood 2014) over a state that all threads step on, begun somewhere by the system's generator.
struct TraceRandom: RandomNumberGenerator {
    private static let state = Atomic(UInt64.random(in: .min ... .max))

    mutating func next() -> UInt64 {
        var mixed = Self.state.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
