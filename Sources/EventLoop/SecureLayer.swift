import Base
package import TLS

/// What a stream keeps while TLS lies between it and its socket.
package final class SecureLayer {
    package let session: TLSSession
    /// Sealed bytes that the socket has not taken. Empty, it holds no memory.
    var unsent = ByteBuffer()
    /// Sealed bytes that the socket has taken, since the beginning.
    var sentBytes: UInt64 = 0
    /// The peer's bytes have ended, and how.
    var end: TLSReceived.End?

    init(_ session: TLSSession) { self.session = session }
}
