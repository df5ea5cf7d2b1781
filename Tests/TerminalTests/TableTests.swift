import Terminal
import Testing

@Suite struct TableTests {
    private static func table() -> Table {
        var table = Table([
            .init("NAME", .left, rank: 0, minimum: 6), .init("RATE", rank: 1), .init("P99", rank: 3),
            .init("WHY", .left, rank: 2, minimum: 4), .init("EMPTY", rank: 4),
        ])
        table.rows = [
            .init([.init("a-long-name"), .init("1.2k/s"), .init("3 ms"), .init("because")]),
            .init([.init("b"), .init("7/s")]),
        ]
        return table
    }

    private static func text(_ width: Int?) -> [String] { table().lines(width: width).map { $0.text(coloured: false) } }

    @Test func everythingFits() {
        let whole = ["NAME           RATE   P99  WHY", "a-long-name  1.2k/s  3 ms  because", "b               7/s"]
        #expect(Self.text(nil) == whole)
        #expect(Self.text(34) == whole)
        #expect(Self.text(500) == whole)
    }

    @Test func namesAreCutFirst() {
        #expect(
            Self.text(28) == ["NAME        RATE   P99  WHY", "a-long-…  1.2k/s  3 ms  bec…", "b            7/s"])
    }

    @Test func thenColumnsGoTheLeastImportantFirst() {
        #expect(Self.text(22) == ["NAME        RATE  WHY", "a-long-…  1.2k/s  bec…", "b            7/s"])
        #expect(Self.text(6) == ["NAME", "a-lon…", "b"])
        #expect(Self.text(3) == ["NA…", "a-…", "b"])
    }

    @Test func noLineIsWiderThanTheTerminal() {
        for width in 0...60 { #expect(Self.table().lines(width: width).allSatisfy { $0.width <= width }) }
    }
}
