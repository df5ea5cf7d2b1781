/// What the kernel says about this process, for the `process_*` metrics that every exporter shows.
package struct ProcessStatistics: Sendable, Equatable {
    /// User and system time.
    package var cpuSeconds: Double
    package var residentBytes: UInt64
    package var virtualBytes: UInt64
    /// Seconds since the Unix epoch, as exact as the kernel's clock tick.
    package var startTime: Double
    package var openDescriptors: UInt64
    /// The soft limit; `nil` if there is none.
    package var maxDescriptors: UInt64?

    /// Reads the text of `/proc/self/stat` and `/proc/stat` (proc(5)); `nil` if either lacks what is looked for.
    ///
    /// `ticksPerSecond` and `pageSize` are what sysconf(3) says and above 0.
    package init?(
        processStat: String, systemStat: String, ticksPerSecond: Int, pageSize: Int, openDescriptors: UInt64,
        maxDescriptors: UInt64?
    ) {
        // The command's name stands in parentheses and may hold anything; the numbers begin behind the last one. Field 3 of
        // the manual is the first of them.
        guard let name = processStat.lastIndex(of: ")") else { return nil }
        let fields = processStat[processStat.index(after: name)...].split { $0 == " " || $0 == "\n" }
        func field(_ number: Int) -> UInt64? { number - 3 < fields.count ? UInt64(fields[number - 3]) : nil }
        guard let user = field(14), let system = field(15), let started = field(22), let virtualBytes = field(23),
            let residentPages = field(24)
        else { return nil }
        let boot = systemStat.split(separator: "\n").first { $0.hasPrefix("btime ") }
        guard let boot, let bootTime = UInt64(boot.dropFirst("btime ".count)) else { return nil }

        let ticks = Double(ticksPerSecond)
        cpuSeconds = (Double(user) + Double(system)) / ticks
        residentBytes = residentPages &* UInt64(pageSize)
        self.virtualBytes = virtualBytes
        startTime = Double(bootTime) + Double(started) / ticks
        self.openDescriptors = openDescriptors
        self.maxDescriptors = maxDescriptors
    }
}

extension Exposition {
    /// Writes the `process_*` families.
    package mutating func write(_ process: ProcessStatistics) {
        family(.processCPUSeconds)
        sample(process.cpuSeconds)
        family(.processResidentMemory)
        sample(process.residentBytes)
        family(.processVirtualMemory)
        sample(process.virtualBytes)
        family(.processOpenDescriptors)
        sample(process.openDescriptors)
        family(.processMaxDescriptors)
        if let most = process.maxDescriptors { sample(most) } else { sample(Double.infinity) }
        family(.processStartTime)
        sample(process.startTime)
    }
}
