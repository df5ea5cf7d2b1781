/// Hands out names that nobody else has: the one that is asked for, or that with a number behind it.
struct UniqueNames {
    private var taken: Set<String>
    /// Where to go on counting, so that a thousand equal wishes are not a million questions.
    private var next: [String: Int] = [:]

    init(taken: Set<String> = []) { self.taken = taken }

    mutating func take(_ wish: String) -> String {
        guard !taken.insert(wish).inserted else { return wish }
        var number = next[wish, default: 2]
        while !taken.insert("\(wish)-\(number)").inserted { number += 1 }
        next[wish] = number + 1
        return "\(wish)-\(number)"
    }
}
