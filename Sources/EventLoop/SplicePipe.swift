import CLinux
import Glibc

/// A pipe through which bytes go from one socket to another inside the kernel (splice(2)), without being copied to this
/// process and back.
struct SplicePipe {
    /// Bytes that fit, where the kernel allows it: four times its default. A peer that is handed much at once is woken less
    /// often for it, which cost 30 % of a 600 KiB body; four times more again was no better.
    static let capacity = 256 * 1024

    /// Where bytes go in.
    let input: Int32
    /// Where they come out.
    let output: Int32
    /// Bytes inside.
    var count = 0

    /// - Returns: `nil` where the process has no descriptors left.
    init?() {
        var ends: (Int32, Int32) = (-1, -1)
        guard sluice_pipe(&ends.0, &ends.1, Int32(Self.capacity)) >= 0 else { return nil }
        (output, input) = ends
    }

    func close() {
        Glibc.close(input)
        Glibc.close(output)
    }
}

/// The empty pipes of one loop.
package struct PipePool {
    /// Two descriptors each. A pipe is in use only while its socket does not take what is inside.
    private static let kept = 32

    private var spare: [SplicePipe] = []
    /// Pipes above it are not kept: the process has few descriptors left for what cannot do without.
    package var highestDescriptor = Int32.max

    mutating func take() -> SplicePipe? {
        if let pipe = spare.popLast() { return pipe }
        guard let pipe = SplicePipe() else { return nil }
        if max(pipe.input, pipe.output) <= highestDescriptor { return pipe }
        pipe.close()
        return nil
    }

    mutating func give(_ pipe: SplicePipe) {
        if pipe.count == 0 && spare.count < Self.kept { spare.append(pipe) } else { pipe.close() }
    }

    func closeAll() { for pipe in spare { pipe.close() } }
}
