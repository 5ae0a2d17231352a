/// The rule about `Host` (RFC 9112, section 3.2): a request has one, with a host in it.
enum RequestHost {
    /// - Parameter hosts: The field's values, one for each line.
    static func check(_ hosts: [String]) throws(Problem) {
        guard let host = hosts.first else { throw Problem.badRequest("The request has no Host field.") }
        guard hosts.count == 1, host.isHost else { throw Problem.badRequest("The request needs one Host field with a host.") }
    }
}
