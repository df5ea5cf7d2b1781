import Base

/// The open connections of the operator's side; on its loop.
final class AdminConnections {
    /// Open connections of a listener: a handful of scrapers and operators, and no way to use up the descriptors.
    private static func limit(_ role: AdminServer.Role) -> Int {
        switch role {
        case .admin: 192
        case .metrics, .customMetrics: 64
        }
    }
    /// Streams of events among them: more pages than people look at, and always places left for those that scrape.
    private static let streamLimit = 64

    private var open: [AdminServer.Role: [ObjectIdentifier: AdminConnection]] = [:]

    func add(_ connection: AdminConnection) {
        open[connection.role, default: [:]][ObjectIdentifier(connection)] = connection
    }

    func remove(_ connection: AdminConnection) { open[connection.role]?[ObjectIdentifier(connection)] = nil }

    /// Where all places are taken, the connection that has waited longest for a request, or for the rest of one, gives way:
    /// who opens many and says nothing shuts nobody out.
    func hasRoom(_ role: AdminServer.Role) -> Bool {
        guard let open = open[role], open.count >= Self.limit(role) else { return true }
        let idlest = open.values.filter(\.isWaiting).min { $0.waitsSince < $1.waitsSince }
        guard let idlest else { return false }
        idlest.close()
        return true
    }

    private var streams: [AdminConnection] { open.values.flatMap(\.values).filter { $0.state == .streaming } }

    var hasRoomForStream: Bool { streams.count < Self.streamLimit }

    /// Their readers come again, and are looked at again.
    ///
    /// - Parameter listening: those of one listener; `nil` for all.
    func endStreams(of listening: AdminListening?) {
        for stream in streams where listening == nil || stream.listening === listening { stream.endStream() }
    }
}
