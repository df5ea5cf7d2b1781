import Base
import Testing

@testable import ConfigFiles

struct PatternCompilerTests {
    /// Takes all the work that one pattern may have, and then has no table.
    private func dear(_ number: Int) -> String { "(a|b)*a(a|b){14}x{\(number % 9)}y\(number)" }

    @Test func dearPatternsDoNotAddUp() throws {
        let compiler = PatternCompiler(workLimit: PatternCompiler.workLimit / 100)
        for number in 0..<20 {
            let pattern = try compiler.pattern(dear(number))
            let text = Array(("a" + String(repeating: "b", count: 14 + number % 9) + "y\(number)").utf8)
            let fits = Array(
                ("ba" + String(repeating: "b", count: 14) + String(repeating: "x", count: number % 9) + "y\(number)")
                    .utf8)
            #expect(fits.withUnsafeBytes { pattern.matchesWhole($0) })
            #expect(number % 9 == 0 || !text.withUnsafeBytes { pattern.matchesWhole($0) })
        }
        // What is ordinary still gets in, until that is too much as well.
        for number in 0..<20 { _ = try compiler.pattern("/v2/models/m\(number)/(infer|ready)") }
        #expect(throws: Pattern.Failure.self) {
            for number in 0..<10_000 { _ = try compiler.pattern("/v2/models/n\(number)/(infer|ready)") }
        }
    }

    @Test func theSameIsMadeOnce() throws {
        let compiler = PatternCompiler()
        for _ in 0..<100_000 { _ = try compiler.pattern("(a|b)*a(a|b){14}") }
        #expect(throws: Pattern.Failure.self) { try compiler.pattern("(") }
    }
}
