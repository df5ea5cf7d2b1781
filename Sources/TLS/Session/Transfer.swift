import Base
import CSSL
import Glibc

/// The bytes that OpenSSL may touch during one call: the caller's ciphertext to read, the caller's buffer to write to.
/// Between calls there are none, so that an idle connection holds no buffer.
struct Transfer {
    var input: UnsafeRawPointer?
    var inputCount = 0
    var output: UnsafeMutablePointer<ByteBuffer>?
}

/// The BIO that stands for the network (BIO_meth_new(3)): memory lent for one call, instead of a socket.
enum TransferBIO {
    /// A BIO that reads and writes through `transfer`, which has to outlive it.
    static func make(_ transfer: UnsafeMutablePointer<Transfer>) -> OpaquePointer {
        guard let bio = BIO_new(method.handle) else { preconditionFailure("out of memory") }
        BIO_set_data(bio, transfer)
        BIO_set_init(bio, 1)
        return bio
    }

    /// Never changed after it was made.
    private struct Method: @unchecked Sendable {
        let handle: OpaquePointer
    }

    private static let method: Method = {
        guard let handle = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "lent memory") else {
            preconditionFailure("out of memory")
        }
        BIO_meth_set_read_ex(handle, readLent)
        BIO_meth_set_write_ex(handle, writeLent)
        BIO_meth_set_ctrl(handle, controlLent)
        return Method(handle: handle)
    }()
}

private let retryFlags = BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_IO_SPECIAL | BIO_FLAGS_SHOULD_RETRY

private func transfer(of bio: OpaquePointer?) -> UnsafeMutablePointer<Transfer>? {
    BIO_get_data(bio)?.assumingMemoryBound(to: Transfer.self)
}

/// BIO_meth_set_read_ex(3).
private func readLent(
    _ bio: OpaquePointer?, _ target: UnsafeMutablePointer<CChar>?, _ capacity: Int, _ count: UnsafeMutablePointer<Int>?
) -> Int32 {
    guard let transfer = transfer(of: bio), let target, let count else { return -1 }
    BIO_clear_flags(bio, retryFlags)
    let amount = min(capacity, transfer.pointee.inputCount)
    guard amount > 0, let source = transfer.pointee.input else {
        BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
        count.pointee = 0
        return -1
    }
    memcpy(target, source, amount)
    transfer.pointee.input = source + amount
    transfer.pointee.inputCount &-= amount
    count.pointee = amount
    return 1
}

/// BIO_meth_set_write_ex(3).
private func writeLent(
    _ bio: OpaquePointer?, _ source: UnsafePointer<CChar>?, _ amount: Int, _ count: UnsafeMutablePointer<Int>?
) -> Int32 {
    // Outside of a call there is nowhere to write to.
    guard let output = transfer(of: bio)?.pointee.output, let source, let count else { return -1 }
    BIO_clear_flags(bio, retryFlags)
    output.pointee.append(UnsafeRawBufferPointer(start: source, count: amount))
    count.pointee = amount
    return 1
}

/// BIO_meth_set_ctrl(3). Flushing always succeeds; nothing else is supported.
private func controlLent(
    _ bio: OpaquePointer?, _ command: Int32, _ number: Int, _ pointer: UnsafeMutableRawPointer?
) -> Int {
    command == BIO_CTRL_FLUSH ? 1 : 0
}
