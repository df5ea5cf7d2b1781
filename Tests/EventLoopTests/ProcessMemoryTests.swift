import Testing

@testable import EventLoop

struct ProcessMemoryTests {
    private func pages(_ text: String) -> Int? {
        Array(text.utf8).withUnsafeBytes { ProcessMemory.privatePages($0) }
    }

    @Test func residentWithoutFiles() {
        #expect(pages("170000 5600 2300 900 0 41000 0\n") == 3300)
        #expect(pages("1 2 3 4\n") == 0)
    }

    @Test(arguments: ["", "1", "1 2", "1 2 3", "a b c d", "1 -2 3 4", "1  2"])
    func whatIsNotStatm(text: String) {
        #expect(pages(text) == nil || pages(text) == 0)
    }

    @Test func whatIsTouchedCounts() throws {
        let memory = try #require(ProcessMemory())
        let before = try #require(memory.bytes)
        let size = 64 << 20
        let block = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096)
        defer { block.deallocate() }
        block.initializeMemory(as: UInt8.self, repeating: 1, count: size)
        let after = try #require(memory.bytes)
        #expect(after - before > size / 2)
    }
}
