import Testing

@testable import Telemetry

@Suite struct ProcessStatisticsTests {
    static let processStat = """
        4711 (sl) (ui ce)) S 1 4711 4711 0 -1 4194560 900 0 3 0 250 125 7 8 20 0 3 0 6000 73400320 2048 \
        18446744073709551615 1 1 0 0 0 0 0 4096 17411 0 0 0 17 1 0 0 0 0 0

        """
    static let systemStat = "cpu  1 2 3\nctxt 99\nbtime 1795252920\nprocesses 12\n"

    static func read(_ processStat: String, _ systemStat: String, most: UInt64? = 1024) -> ProcessStatistics? {
        ProcessStatistics(
            processStat: processStat, systemStat: systemStat, ticksPerSecond: 100, pageSize: 4096, openDescriptors: 17,
            maxDescriptors: most)
    }

    @Test func whatTheKernelWritesIsRead() throws {
        let process = try #require(Self.read(Self.processStat, Self.systemStat))
        #expect(process.cpuSeconds == 3.75)
        #expect(process.virtualBytes == 73_400_320)
        #expect(process.residentBytes == 2048 * 4096)
        #expect(process.startTime == 1_795_252_980)
    }

    @Test func theyAreShown() throws {
        var exposition = Exposition(format: .prometheusText)
        exposition.write(try #require(Self.read(Self.processStat, Self.systemStat)))
        let samples = String(decoding: exposition.finish(), as: UTF8.self).split(separator: "\n").filter {
            !$0.hasPrefix("#")
        }
        #expect(
            samples == [
                "process_cpu_seconds_total 3.75", "process_resident_memory_bytes 8388608",
                "process_virtual_memory_bytes 73400320", "process_open_fds 17", "process_max_fds 1024",
                "process_start_time_seconds 1795252980.0",
            ])
    }

    @Test func noLimitIsInfinite() throws {
        var exposition = Exposition(format: .openMetrics)
        exposition.write(try #require(Self.read(Self.processStat, Self.systemStat, most: nil)))
        #expect(String(decoding: exposition.finish(), as: UTF8.self).contains("process_max_fds +Inf\n"))
    }

    @Test(arguments: [
        "", "1 (x", "1 (x) S 1 2", "1 (x) S 1 4711 4711 0 -1 4194560 900 0 3 0 a 125 7 8 20 0 3 0 6000 1 1",
    ])
    func otherTextIsRefused(processStat: String) {
        #expect(Self.read(processStat, Self.systemStat) == nil)
    }

    @Test(arguments: ["", "btime", "btime x\n", "xbtime 1\n"])
    func withoutABootTimeItIsRefused(systemStat: String) {
        #expect(Self.read(Self.processStat, systemStat) == nil)
    }
}
