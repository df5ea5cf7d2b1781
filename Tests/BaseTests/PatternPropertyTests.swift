import Base
import Testing

/// Random small expressions on random small inputs, against a matcher that follows the definition of each construct and
/// knows nothing of automata.
struct PatternPropertyTests {
    indirect enum Tree {
        case character(String, Set<Character>)
        case start, end, boundary
        case sequence([Tree])
        case alternation([Tree])
        case repetition(Tree, String, least: Int, most: Int)

        var source: String {
            switch self {
            case .character(let source, _): source
            case .start: "^"
            case .end: "$"
            case .boundary: #"\b"#
            case .sequence(let trees): trees.map(\.source).joined()
            case .alternation(let trees): "(" + trees.map(\.source).joined(separator: "|") + ")"
            case .repetition(let tree, let suffix, _, _): "(?:" + tree.source + ")" + suffix
            }
        }

        /// Every place where a match that starts at `place` can end.
        func ends(_ text: [Character], _ place: Int) -> Set<Int> {
            switch self {
            case .character(_, let set):
                return place < text.count && set.contains(text[place]) ? [place + 1] : []
            case .start: return place == 0 ? [place] : []
            case .end: return place == text.count ? [place] : []
            case .boundary:
                let before = place > 0 && text[place - 1] != "-"
                let after = place < text.count && text[place] != "-"
                return before != after ? [place] : []
            case .sequence(let trees):
                return trees.reduce([place]) { places, tree in Set(places.flatMap { tree.ends(text, $0) }) }
            case .alternation(let trees): return Set(trees.flatMap { $0.ends(text, place) })
            case .repetition(let tree, _, let least, let most):
                var reached: Set<Int> = least == 0 ? [place] : []
                var current: Set<Int> = [place]
                // As many rounds as any input here can tell apart.
                for round in 1...max(1, min(most, least + text.count + 1)) where most > 0 {
                    current = Set(current.flatMap { tree.ends(text, $0) })
                    if round >= least { reached.formUnion(current) }
                }
                return reached
            }
        }
    }

    /// `-` is the one that is no word character, `é` the one of two bytes (and no word character for RE2 either, so it
    /// stays away from boundaries).
    static func tree(depth: Int, withBoundaries: Bool, _ random: inout RandomSource) -> Tree {
        let other: Character = withBoundaries ? "c" : "é"
        func leaf() -> Tree {
            switch random.below(9) {
            case 0...2: .character("a", ["a"])
            case 3: .character("b", ["b"])
            case 4: .character("[a\(other)]", ["a", other])
            case 5: .character("[^a]", ["b", "-", other])
            case 6: .character(".", ["a", "b", "-", other])
            case 7: random.below(2) == 0 ? .start : .end
            default: withBoundaries ? .boundary : .character("-", ["-"])
            }
        }
        guard depth > 0 else { return leaf() }
        func child() -> Tree { tree(depth: depth - 1, withBoundaries: withBoundaries, &random) }
        switch random.below(6) {
        case 0: return leaf()
        case 1...2: return .sequence((0..<random.below(4)).map { _ in child() })
        case 3: return .alternation((0...random.below(3)).map { _ in child() })
        default:
            let forms = [
                ("*", 0, Int.max), ("+", 1, Int.max), ("?", 0, 1), ("*?", 0, Int.max), ("{2}", 2, 2), ("{0,2}", 0, 2),
                ("{1,}", 1, Int.max), ("{0}", 0, 0),
            ]
            let form = forms[Int(random.below(UInt32(forms.count)))]
            return .repetition(child(), form.0, least: form.1, most: form.2)
        }
    }

    @Test(arguments: 0..<16) func agreesWithTheDefinition(_ seed: UInt64) throws {
        var random = RandomSource(seed: seed)
        var taken = 0
        for _ in 0..<40 {
            let withBoundaries = random.below(2) == 0
            let tree = Self.tree(depth: 4, withBoundaries: withBoundaries, &random)
            let pattern = try Pattern(tree.source)
            let withoutTable = try Pattern(tree.source, tableLimit: 0)
            #expect(withoutTable.stepsPerCharacter == 64)
            let alphabet: [Character] = ["a", "a", "b", "-", withBoundaries ? "c" : "é"]
            for length in 0..<7 {
                for _ in 0..<6 {
                    let text = (0..<length).map { _ in alphabet[Int(random.below(5))] }
                    let expected = tree.ends(text, 0).contains(text.count)
                    let found = pattern.matchesWhole(String(text))
                    #expect(found == expected, "seed \(seed): \(tree.source) on \(String(text))")
                    #expect(withoutTable.matchesWhole(String(text)) == expected, "seed \(seed): \(tree.source)")
                    taken += found ? 1 : 0
                }
            }
        }
        // Both answers have to occur, or the comparison proves nothing.
        #expect((50...1600).contains(taken))
    }
}
