/// What a task that reads a body waits on. The error travels in the result, so that the throw is typed.
typealias ReadContinuation = CheckedContinuation<Result<[UInt8]?, ChannelError>, Never>
/// What a task that writes a body waits on.
typealias WriteContinuation = CheckedContinuation<Result<Void, ChannelError>, Never>
/// A body pipe between tasks.
typealias TaskBodyPipe = BodyPipe<ReadContinuation, WriteContinuation>

extension BodyPipe.Wake where Reader == ReadContinuation, Writer == WriteContinuation {
    /// Resumes the tasks. Must run outside of every lock. Says whether the event loop has to be told to pull again.
    func resume() -> Bool {
        if let (reader, result) = self.reader { reader.resume(returning: result) }
        for (writer, result) in self.writers { writer.resume(returning: result) }
        return self.puller
    }
}
