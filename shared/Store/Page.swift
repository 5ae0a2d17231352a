/// Which part of a list is wanted.
package struct PageRequest: Sendable, Hashable {
    /// Items wanted; nil for the default. Bounded by ``StoreLimits/maxPageSize``.
    package var limit: Int?
    /// The ``Page/next`` of the page before; nil for the first page.
    package var cursor: String?

    package init(limit: Int? = nil, cursor: String? = nil) {
        self.limit = limit
        self.cursor = cursor
    }

    /// The first page, of the default size.
    package static let first = PageRequest()
}

/// One part of a list. Walking from page to page shows every row that was there all the time exactly once, whatever is added or
/// removed meanwhile, because a cursor names the last row's sort key and not a count.
package struct Page<Item: Sendable>: Sendable {
    package let items: [Item]
    /// Opaque text for the next page's request; nil at the end.
    package let next: String?

    package init(items: [Item], next: String?) {
        self.items = items
        self.next = next
    }

    /// The same page with its items converted.
    package func map<Other: Sendable>(_ transform: (Item) throws -> Other) rethrows -> Page<Other> {
        Page<Other>(items: try self.items.map(transform), next: self.next)
    }
}
