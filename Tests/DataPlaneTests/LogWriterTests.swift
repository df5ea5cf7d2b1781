import Base
import Configuration
import Foundation
import Glibc
import Synchronization
import Testing

@testable import DataPlane

@Suite struct LogWriterTests {
    private static let mebibyte = 1 << 20

    /// Bytes from `offset` on that the system has in memory.
    private static func cached(_ descriptor: Int32, _ offset: Int, _ count: Int) -> Int {
        let page = Int(getpagesize())
        guard let place = mmap(nil, count, PROT_READ, MAP_SHARED, descriptor, offset), place != MAP_FAILED else {
            return 0
        }
        defer { munmap(place, count) }
        var pages = [UInt8](repeating: 0, count: (count + page - 1) / page)
        guard mincore(place, count, &pages) == 0 else { return 0 }
        return pages.count { $0 & 1 == 1 } * page
    }

    private static func write(_ mebibytes: Int, to writer: LogWriter) {
        for _ in 0..<mebibytes {
            let batch = LogBatch()
            batch.text.append([UInt8](repeating: UInt8(ascii: "x"), count: Self.mebibyte - 1))
            batch.text.append("\n")
            batch.lines = 1
            writer.write(batch)
            // Each is written before the next one comes, so that nothing is dropped.
            writer.flush(seconds: 60)
        }
    }

    /// Whoever follows the file finds its end in memory, and what has been written out is let go.
    @Test func onlyTheEndOfAFileStaysInMemory() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "sluice-log-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let path = directory.appending(path: "access.log").path
        let writer = try LogWriter(.file(path), loops: 1)
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        Self.write(8, to: writer)
        fsync(descriptor)
        Self.write(8, to: writer)
        #expect(writer.dropped.load(ordering: .relaxed) == 0)
        #expect(lseek(descriptor, 0, SEEK_END) == 16 * Self.mebibyte)
        let older = (offset: 4 * Self.mebibyte, count: 4 * Self.mebibyte)
        let kept = Self.cached(descriptor, older.offset, older.count)
        // A file system in memory has nowhere else to keep them.
        fsync(descriptor)
        posix_fadvise(descriptor, older.offset, older.count, POSIX_FADV_DONTNEED)
        let isInMemory = Self.cached(descriptor, older.offset, older.count) > 0
        #expect(isInMemory || kept == 0)
    }
}
