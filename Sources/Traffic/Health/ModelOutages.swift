package import Base

/// A model as a request names it: the same name with and without a version are two, for version 3 can be gone while the
/// newest serves.
package struct ModelKey: Hashable, Sendable {
    /// Longer names than files can have, and versions longer than a number, are not remembered.
    package static var maxName: Int { 255 }
    package static var maxVersion: Int { 20 }

    private let bytes: [UInt8]

    /// Without the version.
    package var name: ArraySlice<UInt8> { bytes.prefix { $0 != UInt8(ascii: "/") } }

    /// - Parameter version: empty if the request names none.
    package init?(name: some Collection<UInt8>, version: some Collection<UInt8>) {
        guard (1...Self.maxName).contains(name.count), version.count <= Self.maxVersion else { return nil }
        // No name has a slash in it: it would be two elements of the path.
        bytes = Array(name) + [UInt8(ascii: "/")] + version
    }
}

/// Models that some endpoints do not serve at present, although they are up: one table for each loop, which the loops
/// keep alike by messages.
///
/// Requests for such a model go elsewhere, everything else still goes there. When the time is over one request tries;
/// if the model is still not ready, it is left out for twice as long. The table is bounded, since names come from
/// clients, and losing an entry costs one more refused try.
package struct ModelOutages: Sendable {
    /// A number that tells endpoints apart.
    package typealias Endpoint = Int

    /// A reload of a small model takes about as long.
    package static var firstSpan: Nanoseconds { .seconds(1) }
    /// Loading may take minutes, and then nobody wants to wait much longer than it takes.
    package static var longestSpan: Nanoseconds { .seconds(30) }
    /// A try under way keeps the others away for so long; Triton refuses at once.
    package static var trialSpan: Nanoseconds { .seconds(1) }
    /// Remembered for as long after its end, so that the next span is longer.
    package static var memory: Nanoseconds { .seconds(60) }
    /// Entries in all: hundreds of models at several endpoints, in about 300 KiB at the most.
    package static var capacity: Int { 1024 }

    private struct Place: Hashable, Sendable {
        var endpoint: Endpoint
        var model: ModelKey
    }

    private struct Outage: Sendable {
        var until: Instant
        var span: Nanoseconds
        /// The request that tries is under way.
        var isOnTrial = false
    }

    private var outages: [Place: Outage] = [:]

    package init() {}

    /// True nearly always: then there is no need to make a `ModelKey`.
    package var isEmpty: Bool { outages.isEmpty }
    package var count: Int { outages.count }

    /// Whether a request for the model should go elsewhere.
    package func isOut(_ model: ModelKey, at endpoint: Endpoint, now: Instant) -> Bool {
        outages[Place(endpoint: endpoint, model: model)].map { now < $0.until } ?? false
    }

    /// A request for the model goes there. If it is the first after an outage, it keeps others away until it is
    /// answered.
    package mutating func begin(_ model: ModelKey, at endpoint: Endpoint, now: Instant) {
        let place = Place(endpoint: endpoint, model: model)
        guard let outage = outages[place], outage.until <= now else { return }
        outages[place]?.until = now + Self.trialSpan
        outages[place]?.isOnTrial = true
    }

    /// The endpoint said that the model is not ready. The other loops get to know by the same call.
    ///
    /// - Returns: until when it is left out there.
    @discardableResult
    package mutating func refused(_ model: ModelKey, at endpoint: Endpoint, now: Instant) -> Instant {
        let place = Place(endpoint: endpoint, model: model)
        var span = Self.firstSpan
        if let known = outages[place], now < known.until + Self.memory {
            // Requests that were under way together are refused together: that is one refusal.
            if now < known.until && !known.isOnTrial { return known.until }
            span = min(Self.longestSpan, Nanoseconds(known.span.count * 2))
        } else if outages.count >= Self.capacity {
            makeRoom()
        }
        outages[place] = Outage(until: now + span, span: span)
        return now + span
    }

    /// The endpoint answered a request for the model.
    ///
    /// - Returns: whether it was out; then the other loops should know.
    package mutating func answered(_ model: ModelKey, at endpoint: Endpoint) -> Bool {
        outages.removeValue(forKey: Place(endpoint: endpoint, model: model)) != nil
    }

    /// The endpoint is gone, or was restarted: whatever was true of its models is no more.
    package mutating func forget(_ endpoint: Endpoint) {
        outages = outages.filter { $0.key.endpoint != endpoint }
    }

    /// Removes what has been over for a while; to be called now and then, so that the table gets empty again.
    package mutating func purge(now: Instant) {
        outages = outages.filter { now < $0.value.until + Self.memory }
    }

    /// What was over first goes, or what will be.
    private mutating func makeRoom() {
        if let first = outages.min(by: { $0.value.until < $1.value.until })?.key { outages[first] = nil }
    }
}
