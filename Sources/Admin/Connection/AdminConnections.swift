import Base

/// The open connections of the operator's side; on its loop.
final class AdminConnections {
    /// Open connections of a listener: a handful of scrapers and operators, and no way to use up the descriptors.
    private static func limit(_ role: AdminServer.Role) -> Int {
        switch role {
        case .admin: 192
        case .metrics: 64
        }
    }

    private var open: [AdminServer.Role: [ObjectIdentifier: AdminConnection]] = [:]

    func add(_ connection: AdminConnection, _ role: AdminServer.Role) {
        open[role, default: [:]][ObjectIdentifier(connection)] = connection
    }

    func remove(_ connection: AdminConnection, _ role: AdminServer.Role) {
        open[role]?[ObjectIdentifier(connection)] = nil
    }

    /// Where all places are taken, the connection that has waited longest for a request, or for the rest of one, gives way:
    /// who opens many and says nothing shuts nobody out.
    func hasRoom(_ role: AdminServer.Role) -> Bool {
        guard let open = open[role], open.count >= Self.limit(role) else { return true }
        let idlest = open.values.filter { $0.isWaiting }.min { $0.waitsSince < $1.waitsSince }
        guard let idlest else { return false }
        idlest.close()
        return true
    }
}
