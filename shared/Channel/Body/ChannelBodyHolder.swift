/// Writes the body of a response for as long as its exchange lasts, without a task: for bodies of which there are thousands and which say
/// nothing nearly all of the time. A task keeps the memory of its deepest call, some 16 KB after a handler has run in it.
///
/// Nothing here may wait or compute for long: it runs on event loops.
package protocol ChannelBodyHolder: AnyObject, Sendable {
    /// The head is on its way; from now on there is something to write to, until ``ChannelBodyWriter/finish()`` ends the body. Called once
    /// at the most, and not at all when the exchange is over before.
    func begin(_ writer: ChannelBodyWriter)

    /// The exchange ended before the body was finished, whoever ended it. Called once at the most, perhaps before ``begin(_:)`` or at the
    /// same time, and from inside a call of the writer too.
    func exchangeEnded()
}
