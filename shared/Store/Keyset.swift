import Model

/// A page request for one list, read and checked: how many rows, and after which sort key.
///
/// The cursor's text is the list's name and the last row's sort key. It is not signed, because it carries no authority: the
/// organization always comes from the caller, and another key merely starts the same list elsewhere.
struct Keyset {
    /// The last row's sort key; nil on the first page.
    let after: [String]?
    /// How many rows the page may hold. Statements ask for one more (``fetchCount``) to learn whether there is a next page.
    let limit: Int
    private let list: String

    /// A cursor holds a few names at most; anything longer is not one of ours.
    private static let maxCursorBytes = 8192

    /// - Parameters:
    ///   - list: names the list, so that a cursor of another one is refused.
    ///   - keyCount: how many parts the list's sort key has.
    init(_ request: PageRequest, list: String, keyCount: Int = 1, limits: StoreLimits) throws(StoreError) {
        self.list = list
        let wanted = request.limit ?? limits.defaultPageSize
        guard wanted > 0 else { throw StoreError(code: .invalidValue, message: "a page's limit must be at least 1") }
        self.limit = min(wanted, limits.maxPageSize)
        guard let cursor = request.cursor else {
            self.after = nil
            return
        }
        guard cursor.utf8.count <= Self.maxCursorBytes, let bytes = Base64URL.decode(cursor), let parts = Self.split(bytes),
            parts.count == keyCount + 1, parts[0] == list, parts.allSatisfy({ !$0.utf8.contains(0) })
        else {
            throw StoreError(code: .invalidCursor, message: "the cursor is not one that this list gave out; start from the first page")
        }
        self.after = Array(parts.dropFirst())
    }

    /// The LIMIT of the statement.
    var fetchCount: Int { self.limit + 1 }

    /// Makes the page from up to ``fetchCount`` rows.
    func page<Item>(_ fetched: [Item], key: (Item) -> [String]) -> Page<Item> {
        guard fetched.count > self.limit, let last = fetched.prefix(self.limit).last else { return Page(items: fetched, next: nil) }
        return Page(items: Array(fetched.prefix(self.limit)), next: Base64URL.encode(Self.join([self.list] + key(last))))
    }

    /// Parts as `<byte count>:<bytes>`, so that they may hold anything.
    private static func join(_ parts: [String]) -> [UInt8] {
        parts.flatMap { Array("\($0.utf8.count):\($0)".utf8) }
    }

    private static func split(_ bytes: [UInt8]) -> [String]? {
        var parts: [String] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let colon = rest.firstIndex(of: UInt8(ascii: ":")),
                let count = Int(String(decoding: rest[..<colon], as: UTF8.self)), count >= 0, count <= rest.endIndex - colon - 1,
                let part = String(validating: rest[(colon + 1)..<(colon + 1 + count)], as: UTF8.self)
            else { return nil }
            parts.append(part)
            rest = rest[(colon + 1 + count)...]
        }
        return parts
    }
}

extension Keyset {
    /// The position of a list that ascends by one key; every key is greater than the empty text.
    var ascending: String { self.after?[0] ?? "" }
    /// The position of a list of identifiers that descends; `~` sorts after every character of an identifier.
    var descending: String { self.after?[0] ?? "~" }
}
