import Base
import Testing

@testable import Kubernetes

@Suite struct GPUTests {
    private static let pod = ObjectKey(namespace: "ml", name: "triton-0")

    private static func line(_ value: String, pod: String = "triton-0", metric: String = "DCGM_FI_DEV_GPU_UTIL")
        -> String
    {
        #"\#(metric){gpu="0",UUID="GPU-1",device="nvidia0",modelName="NVIDIA A10",Hostname="n,{}\"1\"",container="triton",namespace="ml",pod="\#(pod)"} \#(value)"#
    }

    @Test func aPodHasTheMeanOfItsProcessors() {
        let text = [
            "# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).", "# TYPE DCGM_FI_DEV_GPU_UTIL gauge",
            Self.line("90"), Self.line("50 1700000000000"), Self.line("10", pod: "other") + "\r",
            Self.line("77", metric: "DCGM_FI_DEV_MEM_COPY_UTIL"), Self.line("5", pod: ""),
        ].joined(separator: "\n")
        let page = GPUPage(Array(text.utf8))
        #expect(page.pods == [Self.pod: 0.7, ObjectKey(namespace: "ml", name: "other"): 0.1])
    }

    @Test(arguments: [
        "", "\n", "DCGM_FI_DEV_GPU_UTIL{", "DCGM_FI_DEV_GPU_UTIL 5", line("NaN"), line("-1"), line("101"), line("1e30"),
        line(""), line("x"), #"DCGM_FI_DEV_GPU_UTIL{pod="a",namespace="b"#, #"DCGM_FI_DEV_GPU_UTIL{pod} 5"#,
        #"DCGM_FI_DEV_GPU_UTIL{pod="\"#, #"DCGM_FI_DEV_GPU_UTIL{pod=a,namespace=b} 5"#, "\u{0}\u{1}{}",
    ])
    func whatIsNoneIsPassedOver(text: String) { #expect(GPUPage(Array(text.utf8)).pods.isEmpty) }

    @Test func noMoreThanSomeSamplesAreRead() {
        let text = (0..<5000).map { Self.line("1", pod: "p\($0)") }.joined(separator: "\n")
        #expect(GPUPage(Array(text.utf8)).pods.count == 1024)
    }

    @Test func theMeanIsOverFiveMinutes() {
        var history = GPUHistory()
        func at(_ seconds: UInt64) -> Instant { Instant(nanoseconds: (1000 + seconds) * 1_000_000_000) }
        #expect(history.mean(of: Self.pod, now: at(0)) == nil)
        history.add(GPUPage(Array(Self.line("100").utf8)), now: at(0))
        history.add(GPUPage(Array(Self.line("50").utf8)), now: at(10))
        #expect(history.mean(of: Self.pod, now: at(10)) == 0.75)
        for second in stride(from: UInt64(20), through: 310, by: 10) {
            history.add(GPUPage(Array(Self.line("50").utf8)), now: at(second))
        }
        #expect(history.mean(of: Self.pod, now: at(310)) == 0.5, "what is older does not count")
        #expect(history.mean(of: Self.pod, now: at(360)) == nil, "nothing has been said lately")
    }

    /// Pods come and go, and each asks for some room: for so many of them, and for as long as they count.
    @Test func historyIsBounded() {
        func at(_ seconds: UInt64) -> Instant { Instant(nanoseconds: (1000 + seconds) * 1_000_000_000) }
        func page(_ names: [String]) -> GPUPage {
            GPUPage(Array(names.map { Self.line("50", pod: $0) }.joined(separator: "\n").utf8))
        }
        var history = GPUHistory()
        func known(_ prefix: String, _ now: Instant) -> Int {
            (0..<6000).count { history.mean(of: ObjectKey(namespace: "ml", name: "\(prefix)\($0)"), now: now) != nil }
        }
        func add(_ prefix: String, _ now: Instant) {
            for part in 0..<6 { history.add(page((0..<1000).map { "\(prefix)\(part * 1000 + $0)" }), now: now) }
        }
        add("p", at(0))
        #expect(known("p", at(0)) == 5000)
        // Those that are gone make room, once they do not count any more.
        add("q", at(300))
        #expect(known("q", at(300)) == 0)
        add("q", at(301))
        #expect(known("q", at(301)) == 5000)
        var long = GPUHistory()
        var sizes: Set<Int> = []
        for second in 0..<900 as Range<UInt64> {
            long.add(page(["p"]), now: at(second))
            if second > 300 { sizes.insert(leaves(long)) }
        }
        #expect(sizes.count == 1, "\(sizes)")
    }

    /// How many values something is made of.
    private func leaves(_ value: Any) -> Int {
        let children = Mirror(reflecting: value).children
        return children.isEmpty ? 1 : children.reduce(0) { $0 + leaves($1.value) }
    }
}
