/// Who may use how many of the process's descriptors, so that neither clients nor endpoints can take the last ones: with
/// those the gateway reads its files, looks names up and answers on the admin listener.
package struct DescriptorBudget: Sendable, Equatable {
    /// Open all the time, or for a moment at any time: loops, listeners, logs, watchers, files, name servers, health checks.
    private static let ownBase = 32
    private static let ownForEachLoop = 4
    /// Beside those, a sixteenth up to so many.
    private static let spareLimit = 64

    /// Sockets of clients and endpoints together.
    package let sockets: Int
    /// Clients of all listeners together: three quarters of all descriptors, as a listener gets by default, but never so
    /// many that no connection to an endpoint is left.
    package let clients: Int

    /// A pipe between two sockets is a convenience: it has no descriptor above this. The lowest free one is given out first,
    /// so a higher one says that few are left.
    package let highestForPipe: Int

    /// - Parameter descriptors: that may be open at a time.
    package init(descriptors: Int, loops: Int) {
        let own = Self.ownBase + Self.ownForEachLoop * max(1, loops) + min(Self.spareLimit, descriptors / 16)
        // Below that it is too few for anything, and half for each side is as good as any share.
        sockets = max(2, descriptors - min(own, descriptors / 2))
        highestForPipe = descriptors - own / 4
        clients = max(1, min(descriptors / 4 * 3 + descriptors % 4 * 3 / 4, sockets - max(1, sockets / 8)))
    }

    /// Whether one more client may be taken.
    package func admitsClient(clients open: Int, endpoints: Int) -> Bool {
        open < clients && open + endpoints < sockets
    }

    /// Whether one more connection to an endpoint may be opened.
    package func admitsEndpoint(clients: Int, endpoints: Int) -> Bool { clients + endpoints < sockets }
}
