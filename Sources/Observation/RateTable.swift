/// Rates of kinds of things, such as copies by their outcome, for each of many keys.
struct RateTable<Key: Hashable & Sendable>: Sendable {
    private struct Source: Hashable {
        var loop: Int
        var key: Key
        var kind: String
    }

    private struct Track {
        var pending: [String: UInt64] = [:]
        var rates: [String: Double] = [:]
    }

    private var last: [Source: UInt64] = [:]
    private var tracks: [Key: Track] = [:]
    private var active: Set<Key> = []

    /// Takes what a loop has counted since it began. A count that has gone back has begun again from 0.
    mutating func count(_ count: UInt64, _ kind: String, of key: Key, loop: Int) {
        let before = last.updateValue(count, forKey: Source(loop: loop, key: key, kind: kind)) ?? 0
        let more = count >= before ? count - before : count
        guard more > 0 else { return }
        tracks[key, default: Track()].pending[kind, default: 0] &+= more
        active.insert(key)
    }

    /// Ends an interval, which is not empty.
    ///
    /// - Returns: the keys whose rates are others.
    mutating func close(_ seconds: Double) -> Set<Key> {
        var changed: Set<Key> = []
        for key in active {
            guard var track = tracks[key] else { continue }
            let rates = track.pending.mapValues { roundedRate(Double($0) / seconds) }
            if rates != track.rates { changed.insert(key) }
            track.rates = rates
            track.pending.removeAll()
            tracks[key] = track
        }
        active = active.filter { tracks[$0]?.rates.isEmpty == false }
        return changed
    }

    mutating func keep(where isKnown: (Key) -> Bool) {
        last = last.filter { isKnown($0.key.key) }
        tracks = tracks.filter { isKnown($0.key) }
        active = active.filter(isKnown)
    }

    var keys: [Key] { Array(tracks.keys) }

    /// A second; kinds without any are left out.
    func rates(of key: Key) -> [String: Double] { tracks[key]?.rates ?? [:] }
}
