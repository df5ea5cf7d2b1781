import Testing

@testable import Telemetry

@Suite struct DurationHistogramTests {
    /// The bucket a duration belongs to, by going through all bounds.
    static func bucket(of nanoseconds: UInt64) -> Int {
        var bucket = 0
        while nanoseconds > DurationHistogram.bounds[bucket] { bucket += 1 }
        return bucket
    }

    static func recordedBucket(of nanoseconds: UInt64) -> Int? {
        var histogram = DurationHistogram()
        histogram.record(nanoseconds: nanoseconds)
        return (0...DurationHistogram.boundCount).first { histogram.count(inBucket: $0) == 1 }
    }

    @Test func aBoundBelongsToItsBucketAndTheNextNanosecondToTheNext() {
        for bucket in 0..<DurationHistogram.boundCount {
            let bound = DurationHistogram.bounds[bucket]
            #expect(Self.recordedBucket(of: bound - 1) == bucket)
            #expect(Self.recordedBucket(of: bound) == bucket)
            #expect(Self.recordedBucket(of: bound + 1) == bucket + 1)
        }
    }

    @Test func everyPowerOfTwoAndItsNeighboursFindTheirBucket() {
        for bit in 0..<64 {
            let power = UInt64(1) << UInt64(bit)
            for value in [power - 1, power, power + 1] {
                #expect(Self.recordedBucket(of: value) == Self.bucket(of: value), "\(value) ns")
            }
        }
    }

    @Test func aWaitOfNothingIsInTheFirstBucketAndForEverInTheLast() {
        #expect(Self.recordedBucket(of: 0) == 0)
        #expect(Self.recordedBucket(of: .max) == DurationHistogram.boundCount)
    }

    @Test func neighbouringBoundsAreAFactorOfTwoApart() {
        for bucket in 1..<DurationHistogram.boundCount {
            #expect(DurationHistogram.bounds[bucket] >= 2 * DurationHistogram.bounds[bucket - 1])
        }
    }

    @Test func addingIsRecordingInOnePlace() {
        var random = SeededRandom(seed: 7)
        var loops = [DurationHistogram(), DurationHistogram(), DurationHistogram()]
        var expected = DurationHistogram()
        for turn in 0..<1000 {
            let value = random.next() >> (random.next() % 64)
            loops[turn % 3].record(nanoseconds: value)
            expected.record(nanoseconds: value)
        }
        var sum = DurationHistogram()
        for loop in loops { sum.add(loop) }
        for bucket in 0...DurationHistogram.boundCount {
            #expect(sum.count(inBucket: bucket) == expected.count(inBucket: bucket))
        }
        #expect(sum.sum == expected.sum)
        #expect(sum.count == 1000)
    }

    @Test func theSumOutgrows64Bits() {
        var histogram = DurationHistogram()
        histogram.record(nanoseconds: .max)
        histogram.record(nanoseconds: .max)
        #expect(histogram.sum == 2 * UInt128(UInt64.max))
    }
}
