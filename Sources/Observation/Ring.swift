/// The last so many of what came.
package struct Ring<Element> {
    private let capacity: Int
    private var storage: [Element] = []
    /// Where the next one goes once it is full: the place of the oldest.
    private var next = 0

    /// - Parameter capacity: at least 1.
    package init(capacity: Int) { self.capacity = max(1, capacity) }

    package var count: Int { storage.count }

    package mutating func append(_ element: Element) {
        guard storage.count == capacity else {
            storage.append(element)
            return
        }
        storage[next] = element
        next = (next + 1) % capacity
    }

    /// Oldest first.
    package var elements: [Element] { Array(storage[next...] + storage[..<next]) }
}

extension Ring: Sendable where Element: Sendable {}
