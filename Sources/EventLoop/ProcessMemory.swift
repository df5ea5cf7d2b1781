import Glibc

/// The memory that only this process holds: what is resident without pages of files, which the kernel takes back.
///
/// From /proc/self/statm (proc(5)), which the kernel keeps up to date within a few pages for each processor. smaps_rollup is
/// exact, but walks all page tables, and page faults wait for it. Reading takes 2 µs and no descriptor but the one that is
/// open already, so a loop may do it once in a while.
package final class ProcessMemory: Sendable {
    /// Seven numbers of up to 20 digits.
    private static let room = 256

    private let descriptor: Int32
    private let pageSize: Int

    /// - Returns: `nil` where /proc is not to be had.
    package init?() {
        descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        pageSize = sysconf(Int32(_SC_PAGESIZE))
        guard descriptor >= 0 else { return nil }
    }

    deinit { close(descriptor) }

    /// `nil` where it cannot be read.
    package var bytes: Int? {
        withUnsafeTemporaryAllocation(byteCount: Self.room, alignment: 8) { buffer in
            let count = pread(descriptor, buffer.baseAddress, buffer.count, 0)
            guard count > 0 else { return nil }
            return Self.privatePages(UnsafeRawBufferPointer(rebasing: buffer[..<count])).map { $0 &* pageSize }
        }
    }

    /// Resident pages less those of files: the second number of statm's text less the third.
    static func privatePages(_ text: UnsafeRawBufferPointer) -> Int? {
        var numbers: (Int, Int, Int) = (0, 0, 0)
        var field = 0
        for byte in text where field < 3 {
            guard byte != 0x20 else {
                field += 1
                continue
            }
            guard (0x30...0x39).contains(byte) else { return nil }
            let digit = Int(byte - 0x30)
            if field == 1 { numbers.1 = numbers.1 &* 10 &+ digit }
            if field == 2 { numbers.2 = numbers.2 &* 10 &+ digit }
        }
        return field == 3 ? max(0, numbers.1 &- numbers.2) : nil
    }
}
