/// An http or https URL in the one form in which it is checked, compared and connected to.
///
/// Guards of this kind fail where the checker and the connector read the same text differently, so odd forms are refused instead of
/// interpreted, and what is connected to is rendered from the parts that were checked. Refused are: user information, backslashes,
/// control characters, IPv4 in other than dotted decimal form, IPv6 zones, percent signs and non-ASCII characters in the host
/// (international names are written in their `xn--` form), port 0 and ports past 65535. A single trailing dot of a name is dropped, the
/// fragment too, and characters that a path or query may not hold are percent-encoded, as browsers do.
package struct EgressURL: Sendable, Hashable {
    /// The two schemes there are.
    package enum Scheme: String, Sendable, Hashable {
        case http
        case https

        var defaultPort: Int { self == .http ? 80 : 443 }
    }

    /// What stands before the port.
    package enum Host: Sendable, Hashable {
        /// A DNS name in lower case without its trailing dot.
        case name(String)
        /// An address literal.
        case address(IPAddress)

        /// As it stands in a URL: IPv6 in brackets.
        package var text: String {
            switch self {
            case .name(let name): name
            case .address(.v4(let bits)): IPAddress.v4(bits).description
            case .address(let address): "[\(address)]"
            }
        }
    }

    package let scheme: Scheme
    package let host: Host
    package let port: Int
    /// Path and query, percent-encoded, beginning with a slash.
    package let target: String

    /// Reads an absolute URL; the error's message says which part cannot be used.
    package init(parsing text: String, maxBytes: Int) throws(EgressError) {
        guard text.utf8.count <= maxBytes else { throw .invalidURL("is longer than \(maxBytes) bytes") }
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")), let scheme = Scheme(rawValue: text[..<colon].lowercased()) else {
            throw .invalidURL("must begin with http:// or https://")
        }
        let rest = text.utf8[text.utf8.index(after: colon)...]
        guard rest.starts(with: "//".utf8) else { throw .invalidURL("must begin with http:// or https://") }
        try self.init(scheme: scheme, afterSlashes: Array(rest.dropFirst(2)))
    }

    init(scheme: Scheme, host: Host, port: Int, target: String) {
        self.scheme = scheme
        self.host = host
        self.port = port
        self.target = target
    }

    private init(scheme: Scheme, afterSlashes bytes: [UInt8]) throws(EgressError) {
        let authorityEnd = bytes.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }
        let (host, port) = try Self.parseAuthority(bytes[..<(authorityEnd ?? bytes.endIndex)])
        self.scheme = scheme
        self.host = host
        self.port = port ?? scheme.defaultPort
        self.target = try Self.parseTarget(bytes[(authorityEnd ?? bytes.endIndex)...])
    }

    /// Host and port, always both: what the installation's list of allowed hosts names, and what messages show.
    package var authority: String { "\(self.host.text):\(self.port)" }

    /// The whole URL, with the port only where it is not the scheme's own.
    package var text: String {
        let port = self.port == self.scheme.defaultPort ? "" : ":\(self.port)"
        return "\(self.scheme.rawValue)://\(self.host.text)\(port)\(self.target)"
    }

    /// Whether scheme, host and port are the same, which decides whether credentials go along (RFC 6454, section 4).
    package func hasSameOrigin(as other: EgressURL) -> Bool {
        self.scheme == other.scheme && self.host == other.host && self.port == other.port
    }
}

extension EgressURL {
    /// Reads `host[:port]` with the same strictness; `defaultPort` is nil in the answer where none stands.
    static func parseAuthority(_ bytes: ArraySlice<UInt8>) throws(EgressError) -> (host: Host, port: Int?) {
        guard !bytes.contains(UInt8(ascii: "@")) else {
            throw .invalidURL("must not hold a user name or password; put credentials into a connection")
        }
        var hostEnd = bytes.endIndex
        if bytes.first == UInt8(ascii: "[") {
            guard let bracket = bytes.firstIndex(of: UInt8(ascii: "]")) else { throw .invalidURL("has a host with an open bracket") }
            hostEnd = bytes.index(after: bracket)
        } else if let colon = bytes.firstIndex(of: UInt8(ascii: ":")) {
            hostEnd = colon
        }
        return (try self.parseHost(bytes[..<hostEnd]), try self.parsePort(bytes[hostEnd...]))
    }

    private static func parsePort(_ bytes: ArraySlice<UInt8>) throws(EgressError) -> Int? {
        guard let first = bytes.first else { return nil }
        let digits = bytes.dropFirst()
        guard first == UInt8(ascii: ":"), digits.count <= 5, digits.allSatisfy(\.isDigit) else {
            throw .invalidURL("has a port that is not a number from 1 to 65535")
        }
        // RFC 3986, section 3.2.3: an empty port is the default one.
        if digits.isEmpty { return nil }
        let port = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        guard (1...65_535).contains(port) else { throw .invalidURL("has a port that is not a number from 1 to 65535") }
        return port
    }

    private static func parseHost(_ bytes: ArraySlice<UInt8>) throws(EgressError) -> Host {
        if bytes.first == UInt8(ascii: "[") {
            let inner = String(decoding: bytes.dropFirst().dropLast(), as: UTF8.self)
            guard let address = IPAddress(inner), case .v6 = address else {
                throw .invalidURL("has a host in brackets that is not an IPv6 address (zones are not taken)")
            }
            return .address(address)
        }
        guard bytes.allSatisfy({ $0 < 0x80 }) else {
            throw .invalidURL("has an international host name; write it in its ASCII form (xn--…)")
        }
        var name = String(decoding: bytes, as: UTF8.self).lowercased()
        if name.hasSuffix(".") { name.removeLast() }
        guard Self.isDNSName(name) else { throw .invalidURL("has no host, or one that is not a name or an address") }
        if let address = IPAddress(name) { return .address(address) }
        // What ends in a number is an IPv4 address to every resolver (the WHATWG URL standard's "ends in a number"): `2130706433`,
        // `0x7f.1`, `127.1`, `0177.0.0.1`. One spelling of each address is enough.
        guard !Self.endsInNumber(name) else { throw .invalidURL("has an IPv4 address that is not written as four decimal numbers") }
        return .name(name)
    }

    private static func isDNSName(_ name: String) -> Bool {
        guard (1...253).contains(name.utf8.count) else { return false }
        return name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
            (1...63).contains(label.count)
                && label.allSatisfy { $0.isLetter || $0.isDigit || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
        }
    }

    private static func endsInNumber(_ name: String) -> Bool {
        guard let last = name.split(separator: ".").last?.utf8 else { return false }
        return last.allSatisfy(\.isDigit) || (last.starts(with: "0x".utf8) && last.dropFirst(2).allSatisfy(\.isHexDigit))
    }
}

extension EgressURL {
    /// Percent-encodes what may not stand in a path or query; refuses what only an attack or a mistake would put there.
    static func parseTarget(_ bytes: ArraySlice<UInt8>) throws(EgressError) -> String {
        let withoutFragment = bytes.prefix { $0 != UInt8(ascii: "#") }
        var encoded: [UInt8] = []
        encoded.reserveCapacity(withoutFragment.count + 1)
        if withoutFragment.first != UInt8(ascii: "/") { encoded.append(UInt8(ascii: "/")) }
        for (index, byte) in zip(withoutFragment.indices, withoutFragment) {
            guard byte > 0x1F, byte != 0x7F, byte != UInt8(ascii: "\\") else {
                throw .invalidURL("holds a control character or a backslash; percent-encode it")
            }
            let isEscape =
                byte == UInt8(ascii: "%") && withoutFragment[(index + 1)...].prefix(2).allSatisfy(\.isHexDigit)
                && withoutFragment.endIndex - index > 2
            if isEscape || byte.isTargetCharacter {
                encoded.append(byte)
            } else {
                encoded.appendPercentEncoded(byte)
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }
}

extension UInt8 {
    var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
    var isLetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) }
    var isHexDigit: Bool { self.isDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(self | 0x20) }

    /// RFC 3986, section 2.3.
    var isUnreserved: Bool { self.isLetter || self.isDigit || "-._~".utf8.contains(self) }

    /// RFC 3986, sections 3.3 and 3.4: what may stand in a path or query as it is, beside percent-encoded octets.
    fileprivate var isTargetCharacter: Bool { self.isUnreserved || "!$&'()*+,;=:@/?".utf8.contains(self) }
}

extension [UInt8] {
    mutating func appendPercentEncoded(_ byte: UInt8) {
        let digits = Array("0123456789ABCDEF".utf8)
        self += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
}
