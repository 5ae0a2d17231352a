/// Where an integration's document comes from. There is no third way: nothing on the server's disk is ever read.
package enum DocumentSource: Sendable {
    /// Fetched through the guard for outgoing requests, now and at every refresh.
    case url(String)
    /// The bytes of the document itself, uploaded or pasted.
    case document([UInt8])
}
