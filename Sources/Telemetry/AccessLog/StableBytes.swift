/// Bytes that stay in one place for as long as the object lives: the names of the configuration, which log records point at.
package final class StableBytes: Sendable {
    /// Valid while the object is.
    package nonisolated(unsafe) let bytes: UnsafeRawBufferPointer

    package init(_ text: String) {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: text.utf8.count, alignment: 1)
        copy.copyBytes(from: text.utf8)
        bytes = UnsafeRawBufferPointer(copy)
    }

    deinit { bytes.deallocate() }
}
