/// The first index that `isBefore` does not hold for, in a range where all that it holds for come first; the range's end where
/// it holds for all.
@inlinable @inline(__always)
package func partitionPoint(in range: Range<Int>, _ isBefore: (Int) -> Bool) -> Int {
    var low = range.lowerBound
    var high = range.upperBound
    while low < high {
        let middle = low &+ (high &- low) / 2
        if isBefore(middle) { low = middle &+ 1 } else { high = middle }
    }
    return low
}
