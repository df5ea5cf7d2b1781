import Base
import Testing

struct BinarySearchTests {
    /// Every place the point can have in every short range, and that nothing outside the range is asked for.
    @Test func findsThePointWhereverItIs() {
        for start in 0..<3 {
            for end in start..<(start + 20) {
                for point in start...end {
                    let found = partitionPoint(in: start..<end) { index in
                        #expect((start..<end).contains(index))
                        return index < point
                    }
                    #expect(found == point)
                }
            }
        }
    }
}
