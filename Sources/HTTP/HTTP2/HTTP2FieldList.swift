import CNGHTTP2
import Base

/// The fields of one header block on its way out, names in lower case. Filled by the caller, used up by the call that
/// sends it; taken from and returned to the session, so that a block costs no allocation.
package final class HTTP2FieldList {
    /// All a head may have, and what the gateway adds.
    static let capacity = MessageHead.maxFields + 32
    private static let keptBytes = 8 * 1024

    private struct Entry {
        var name: HeadRange
        var value: HeadRange
        var isSecret: Bool
    }

    private var storage = ByteBuffer()
    private let entries = UnsafeMutablePointer<Entry>.allocate(capacity: capacity)
    package private(set) var count = 0
    /// More fields than fit: the block cannot be sent.
    package private(set) var isOverfull = false

    package init() {}

    deinit { entries.deallocate() }

    package func removeAll() {
        storage.removeAll(keepingAtMost: Self.keptBytes)
        count = 0
        isOverfull = false
    }

    package func add(_ name: StaticString, _ value: UnsafeRawBufferPointer) { add(staticBytes(name), value) }

    package func add(_ name: StaticString, _ value: StaticString) { add(staticBytes(name), staticBytes(value)) }

    package func add(_ name: StaticString, decimal value: UInt64) {
        begin(staticBytes(name))
        storage.append(decimal: value)
        end(isSecret: false)
    }

    /// - Parameter isSecret: neither side's table may keep it (RFC 7541 section 7.1.3), or it is new every time.
    package func add(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, isSecret: Bool = false) {
        begin(name)
        storage.append(value)
        end(isSecret: isSecret)
    }

    /// Calls `body` with the name and the value of each, in order.
    package func forEach(_ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void) {
        for index in 0..<count {
            let entry = entries[index]
            let bytes = storage.bytes
            body(
                UnsafeRawBufferPointer(rebasing: bytes[Int(entry.name.start)..<Int(entry.name.end)]),
                UnsafeRawBufferPointer(rebasing: bytes[Int(entry.value.start)..<Int(entry.value.end)]))
        }
    }

    // MARK: A value in pieces

    private var nameStart = 0
    private var valueStart = 0

    func begin(_ name: UnsafeRawBufferPointer) {
        nameStart = storage.count
        let room = storage.reserve(name.count).assumingMemoryBound(to: UInt8.self)
        for index in 0..<name.count { room[index] = lowercased(name[index]) }
        storage.advance(name.count)
        valueStart = storage.count
    }

    func append(_ piece: UnsafeRawBufferPointer) { storage.append(piece) }
    func append(_ piece: StaticString) { storage.append(piece) }
    func append(decimal value: UInt64) { storage.append(decimal: value) }
    var isValueEmpty: Bool { storage.count == valueStart }
    /// Takes the field that was begun back.
    func cancel() { storage.truncate(to: nameStart) }

    func end(isSecret: Bool) {
        guard count < Self.capacity else {
            isOverfull = true
            return
        }
        entries[count] = Entry(
            name: HeadRange(nameStart, valueStart), value: HeadRange(valueStart, storage.count), isSecret: isSecret)
        count &+= 1
    }

    // MARK: For nghttp2

    /// - Parameter target: room for `capacity` entries, which point into this list.
    func fill(_ target: UnsafeMutablePointer<nghttp2_nv>) {
        guard let base = storage.bytes.baseAddress else { return }
        let bytes = UnsafeMutablePointer(mutating: base.assumingMemoryBound(to: UInt8.self))
        for index in 0..<count {
            let entry = entries[index]
            target[index] = nghttp2_nv(
                name: bytes + Int(entry.name.start), value: bytes + Int(entry.value.start), namelen: entry.name.count,
                valuelen: entry.value.count,
                flags: UInt8(entry.isSecret ? NGHTTP2_NV_FLAG_NO_INDEX.rawValue : NGHTTP2_NV_FLAG_NONE.rawValue))
        }
    }
}
