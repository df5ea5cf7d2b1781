@testable import Base
import Configuration
import EventLoop
import Foundation
import Glibc
import Synchronization
import Testing

@testable import DataPlane

/// What the lines of one loop take of memory, and when they are handed over. The loop is not run: its time is passed in.
struct AccessLogBufferTests {
    private static let full = LogBatch.keptBytes

    private let loop: Loop
    private let writer: LogWriter
    private let buffer: AccessLogBuffer

    init() throws {
        loop = try #require(Loop(label: "test"))
        writer = try LogWriter(.file("/dev/null"), loops: 1)
        buffer = AccessLogBuffer(loop: loop)
        buffer.apply(AccessLog(), writer: writer)
    }

    private func add(_ size: Int) {
        buffer.add { $0.append([UInt8](repeating: UInt8(ascii: "x"), count: size)) }
    }

    /// The delay is over, and the writer has written what it has.
    private func wait() {
        writer.flush(seconds: 60)
        buffer.expired(now: loop.now)
        writer.flush(seconds: 60)
    }

    private func burst() {
        for _ in 0..<300 {
            add(Self.full / 100)
            if waiting == 0 { writer.flush(seconds: 60) }
        }
    }

    /// Bytes of lines that are not handed over yet.
    private var waiting: Int { buffer.text.count }
    private var held: Int { buffer.text.capacity + buffer.batch.text.capacity }

    @Test func aBurstKeepsWhatItNeeds() {
        burst()
        #expect(held == 2 * Self.full)
        wait()
        #expect(held == 2 * Self.full)
        // Little in between is no end of it.
        add(100)
        wait()
        burst()
        wait()
        #expect(held == 2 * Self.full)
    }

    @Test func silenceGivesTheMemoryBack() {
        burst()
        for _ in 0..<3 { wait() }
        #expect(held == 0)
    }

    @Test func littleAtATimeTakesLittle() {
        burst()
        for _ in 0..<5 {
            add(100)
            wait()
        }
        #expect(held <= 8 * 1024)
    }

    @Test func memoryIsGivenBackAtOnceWhereItIsShort() {
        burst()
        add(100)
        buffer.giveMemoryBack()
        writer.flush(seconds: 60)
        #expect(held == 0)
        #expect(writer.dropped.load(ordering: .relaxed) == 0)
    }

    /// Nobody reads: what comes little by little is gathered, and not handed over in small pieces.
    @Test func gathersWhileTheWriterIsBehind() throws {
        let pipe = try FullPipe()
        let writer = try LogWriter(.file(pipe.path), loops: 1)
        buffer.apply(AccessLog(), writer: writer)
        add(200_000)
        buffer.expired(now: loop.now)
        #expect(waiting == 0 && buffer.batch.isTaken)
        for _ in 0..<10 {
            add(1000)
            buffer.expired(now: loop.now)
        }
        #expect(waiting == 10_000)
        pipe.drain(200_000)
        writer.flush(seconds: 60)
        buffer.expired(now: loop.now)
        #expect(waiting == 0)
        pipe.drain(10_000)
        writer.flush(seconds: 60)
    }

    /// All loops may hand over a full batch at once, and a second one.
    @Test(arguments: [(1, 8), (8, 8), (16, 16)]) func roomGrowsWithTheLoops(_ loops: Int, _ mebibytes: Int) throws {
        let pipe = try FullPipe()
        let writer = try LogWriter(.file(pipe.path), loops: loops)
        var taken = 0
        while true {
            let batch = LogBatch()
            batch.text.append([UInt8](repeating: UInt8(ascii: "x"), count: Self.full))
            batch.lines = 1
            writer.write(batch)
            if writer.dropped.load(ordering: .relaxed) > 0 { break }
            taken += Self.full
        }
        #expect(taken == mebibytes << 20)
        pipe.drain(taken)
        writer.flush(seconds: 60)
    }
}

/// A named pipe from which is read only what is asked for.
private final class FullPipe {
    let path: String
    private let descriptor: Int32

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "sluice-pipe-\(UUID().uuidString)").path
        try #require(mkfifo(path, 0o600) == 0)
        descriptor = open(path, O_RDWR | O_CLOEXEC)
        try #require(descriptor >= 0)
    }

    func drain(_ count: Int) {
        var left = count
        var bytes = [UInt8](repeating: 0, count: 64 * 1024)
        while left > 0 {
            let got = read(descriptor, &bytes, min(left, bytes.count))
            guard got > 0 else { return }
            left -= got
        }
    }

    deinit {
        close(descriptor)
        unlink(path)
    }
}
