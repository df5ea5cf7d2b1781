import Configuration

/// What a DestinationRule says of a service, a port or a subset, in the words of the model. What is not written is `nil`.
struct TrafficPolicy {
    var loadBalancer: LoadBalancer?
    var pool: Pool?
    var outliers: Outliers?
    var tls: TLS?
    /// 0...100
    var retryBudget: Double?
    /// For one port each; they take the place of all that is said beside them.
    var ports: [UInt16: TrafficPolicy] = [:]

    struct LoadBalancer {
        var balance: Backend.Balance?
        var slowStart: Duration?
    }

    struct Pool {
        var connections: Int?
        var inFlight: Int?
        var queue: Int?
        var connect: Duration?
        var idle: Duration?
        var `protocol`: Backend.HTTPProtocol?
    }

    struct Outliers {
        var detection: Backend.OutlierDetection
        /// 0...100
        var panicThreshold: Double
    }

    enum TLS {
        case off
        case on(BackendTLS)
    }

    /// What holds for a port.
    func at(port: UInt16) -> TrafficPolicy { ports[port] ?? self }

    /// With what another policy says beside it, which has the last word on each of its parts.
    func overridden(by other: TrafficPolicy) -> TrafficPolicy {
        var result = self
        result.loadBalancer = other.loadBalancer ?? loadBalancer
        result.pool = other.pool ?? pool
        result.outliers = other.outliers ?? outliers
        result.tls = other.tls ?? tls
        result.retryBudget = other.retryBudget ?? retryBudget
        return result
    }

    func apply(to backend: inout Backend) {
        if let loadBalancer {
            loadBalancer.balance.map { backend.balance = $0 }
            loadBalancer.slowStart.map { backend.slowStart = $0 }
        }
        if let pool {
            pool.connections.map { backend.limits.connections = $0 }
            pool.inFlight.map { backend.limits.inFlight = $0 }
            pool.queue.map { backend.limits.queue = $0 }
            pool.connect.map { backend.timeouts.connect = $0 }
            pool.idle.map { backend.timeouts.idle = $0 }
            pool.protocol.map { backend.protocol = $0 }
        }
        if let outliers {
            backend.outlierDetection = outliers.detection
            backend.panicThreshold = outliers.panicThreshold
        }
        switch tls {
        case .on(let tls): backend.tls = tls
        case .off: backend.tls = nil
        case nil: break
        }
    }
}
