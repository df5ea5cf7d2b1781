import CLinux
import Glibc

/// What moving bytes from another stream came to.
package enum Spliced {
    /// This many bytes have been taken from the source.
    case moved(Int)
    case nothing
    case end
    case failed(Int32)
    /// The kernel gives no pipe: they have to be read.
    case unavailable
}

extension Stream {
    /// Bytes from which on moving them inside the kernel costs less than reading and writing them.
    package static let worthSplicing: UInt64 = 32 * 1024

    /// Whether bytes of another stream may go out right now.
    package final var canSplice: Bool { canWrite && unsentBytes == 0 && writeError == 0 && secureLayer == nil }

    /// Moves up to `limit` bytes that have arrived at `source` to this stream. Only while `canSplice`; what the socket does
    /// not take at once stays in the pipe and goes out in front of everything sent later.
    package final func splice(from source: Stream, limit: UInt64) -> Spliced {
        guard source.secureLayer == nil, let fresh = loop.pipes.take() else { return .unavailable }
        let amount = Int(min(limit, UInt64(SplicePipe.capacity)))
        let count = sluice_splice(source.descriptor, fresh.input, amount)
        guard count > 0 else {
            loop.pipes.give(fresh)
            // The pipe is empty, so nothing but the source can be what is not ready.
            source.readCameShort()
            if count == 0 { return .end }
            return count == -Int(EAGAIN) ? .nothing : .failed(Int32(-count))
        }
        pipe = fresh
        pipe?.count = count
        flush()
        return .moved(count)
    }

    /// - Returns: whether the pipe is empty now.
    final func flushPipe() -> Bool {
        while let held = pipe {
            guard canWrite && writeError == 0 else { return false }
            let sent = sluice_splice(held.output, descriptor, held.count)
            guard sent > 0 else {
                refused(sent)
                return false
            }
            sentBytes &+= UInt64(sent)
            pipe?.count -= sent
            if held.count == sent { dropPipe() }
        }
        return true
    }

    final func dropPipe() {
        guard let held = pipe else { return }
        pipe = nil
        loop.pipes.give(held)
    }
}
