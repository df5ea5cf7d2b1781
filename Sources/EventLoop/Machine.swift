import CLinux
import Glibc

/// What the machine grants this process.
package enum Machine {
    /// Cores to use: those the process may run on, or fewer where its cgroup has a smaller quota. At least 1.
    package static var cores: Int {
        let allowed = max(1, Int(sluice_allowed_processors()))
        guard let quota = cgroupQuota else { return allowed }
        return max(1, min(allowed, quota))
    }

    /// The quota of cgroup v2's cpu.max, rounded up to whole cores.
    private static var cgroupQuota: Int? {
        guard let text = readSmallFile("/sys/fs/cgroup/cpu.max") else { return nil }
        let parts = text.split { $0 == " " || $0 == "\n" }
        guard parts.count == 2, let quota = Int(parts[0]), let period = Int(parts[1]), period > 0 else { return nil }
        return (quota + period - 1) / period
    }

    /// Raises the number of descriptors to the hard limit; returns what may be opened now.
    package static func raiseDescriptorLimit() -> Int {
        Int(clamping: sluice_raise_descriptor_limit())
    }

    /// Gives memory that was freed back to the kernel, which the C library otherwise keeps for later. Not on a loop: it takes
    /// 0.3 ms for each MiB that lies scattered (150 ms for 512 MiB), and whoever allocates in the same arena waits for it.
    package static func releaseFreedMemory() { sluice_trim_memory() }

    /// A random seed.
    package static func seed() -> UInt64 {
        var seed: UInt64 = 0
        _ = sluice_random(&seed, MemoryLayout<UInt64>.size)
        return seed
    }

    /// The text of a file of up to 64 KiB, such as those of /proc.
    package static func readSmallFile(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return withUnsafeTemporaryAllocation(byteCount: 64 * 1024, alignment: 8) { buffer in
            guard let base = buffer.baseAddress else { return nil }
            var count = 0
            while count < buffer.count {
                let read = sluice_read(descriptor, base + count, buffer.count - count)
                guard read > 0 else { break }
                count += read
            }
            return String(decoding: buffer[..<count], as: UTF8.self)
        }
    }
}
