import Testing

@testable import Channel

@Suite("Byte queue")
struct ByteQueueTests {
    @Test("Whatever is put in comes out in order", arguments: 0..<200)
    func random(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        var queue = ByteQueue()
        var model: [UInt8] = []
        var next: UInt8 = 0
        for _ in 0..<300 {
            switch Int.random(in: 0..<5, using: &generator) {
            case 0, 1:
                let chunk = Self.bytes(Int.random(in: 0...40, using: &generator), &next)
                queue.append(chunk)
                model += chunk
            case 2:
                let chunk = Self.bytes(Int.random(in: 0...40, using: &generator), &next)
                chunk.withUnsafeBufferPointer { queue.append(copying: $0) }
                model += chunk
            case 3:
                let chunk = queue.takeChunk()
                #expect((chunk == nil) == model.isEmpty)
                guard let chunk else { continue }
                #expect(!chunk.isEmpty && chunk.elementsEqual(model.prefix(chunk.count)))
                model.removeFirst(chunk.count)
            default:
                var buffer = [UInt8](repeating: 0, count: Int.random(in: 1...60, using: &generator))
                let count = buffer.withUnsafeMutableBufferPointer { queue.move(into: $0) }
                #expect(count == min(buffer.count, model.count))
                #expect(buffer.prefix(count).elementsEqual(model.prefix(count)))
                model.removeFirst(count)
            }
            #expect(queue.count == model.count && queue.isEmpty == model.isEmpty)
        }
        queue.removeAll()
        #expect(queue.isEmpty && queue.takeChunk() == nil)
    }

    private static func bytes(_ count: Int, _ next: inout UInt8) -> [UInt8] {
        (0..<count).map { _ in
            next &+= 1
            return next
        }
    }
}
