import Glibc

/// Times the operations that every request needs, each by itself: `swift run -c release sluice-bench`.
@main
enum SluiceBench {
    private static let usage = """
        USAGE: sluice-bench [--filter TEXT] [--json]

          --filter TEXT   only benchmarks whose names contain TEXT
          --json          one JSON object for each benchmark instead of a table
        """

    static func main() {
        guard let options = Options(CommandLine.arguments.dropFirst()) else {
            write(usage + "\n", to: STDERR_FILENO)
            exit(2)
        }
        if options.help {
            write(usage + "\n", to: STDOUT_FILENO)
            return
        }
        let chosen = benchmarks.filter { options.filter.isEmpty || contains($0.name, options.filter) }
        guard !chosen.isEmpty else {
            write("sluice-bench: no benchmark's name contains '\(options.filter)'\n", to: STDERR_FILENO)
            exit(1)
        }
        if !options.json { write(Report.header + "\n", to: STDOUT_FILENO) }
        for benchmark in chosen {
            let measurement = benchmark.measure()
            write((options.json ? Report.json(measurement) : Report.row(measurement)) + "\n", to: STDOUT_FILENO)
        }
    }

    private static var benchmarks: [Benchmark] {
        headBenchmarks + bodyBenchmarks + routingBenchmarks + balancingBenchmarks + credentialBenchmarks
            + telemetryBenchmarks
    }

    private struct Options {
        var filter = ""
        var json = false
        var help = false

        /// - Returns: `nil` for arguments that mean nothing.
        init?(_ arguments: ArraySlice<String>) {
            var rest = arguments
            while let argument = rest.popFirst() {
                switch argument {
                case "--filter":
                    guard let text = rest.popFirst() else { return nil }
                    filter = text
                case "--json": json = true
                case "--help", "-h": help = true
                default: return nil
                }
            }
        }
    }

    private static func contains(_ name: String, _ text: String) -> Bool {
        let (name, text) = (Array(name.utf8), Array(text.utf8))
        guard name.count >= text.count else { return false }
        return (0...(name.count - text.count)).contains { name[$0...].starts(with: text) }
    }

    /// Unbuffered, so that each line is there as soon as it is known.
    private static func write(_ text: String, to descriptor: Int32) {
        let bytes = Array(text.utf8)
        _ = Glibc.write(descriptor, bytes, bytes.count)
    }
}
