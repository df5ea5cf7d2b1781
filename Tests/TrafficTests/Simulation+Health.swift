import Base
import Traffic

/// What the control queue does: active checks, ejections, and the assertions about them.
extension Simulation {
    func note(_ changes: [OutlierDetection<Int>.Change]) {
        for change in changes {
            trace("endpoint \(change.endpoint) is \(change.status.standing), ejections \(change.status.ejections)")
            require(healths[change.endpoint].standing == change.status.standing, "record and judge differ")
            if change.status.standing == .ejected { ejections += 1 }
            // Whoever waits because nothing was usable has to hear of it.
            for loop in queues.indices { post(.usabilityChanged(loop: loop)) }
        }
        let out = healths.count { $0.standing != .serving }
        let most = setup.outlier.maxEjectionPercent / 100 * Double(setup.endpoints)
        require(Double(out) <= max(1, most), "\(out) of \(setup.endpoints) are out")
        require(out < setup.endpoints, "none is left")
        let next = detection.nextDeadline
        guard next != nextJudgement else { return }
        nextJudgement = next
        if next != .never { events.add(.judge, at: next) }
    }

    func beginProbe(_ endpoint: Int) {
        guard isLive, let settings = setup.check else { return }
        checks[endpoint].begin(now: now)
        // A server that is stuck or overrun may well answer its health path.
        let result: ActiveHealth.ProbeResult =
            switch behaviour(of: endpoint) {
            case .refusing: .failed("connection refused")
            case .hanging: .failed("timeout")
            case .failing: .notReady
            case .healthy, .slow, .resetting, .busy, .badGateway: .ok
            }
        let after = result == .failed("timeout") ? settings.timeout : milliseconds(0...2)
        events.add(.probeEnd(endpoint: endpoint, result), at: now + after)
    }

    func endProbe(_ endpoint: Int, _ result: ActiveHealth.ProbeResult) {
        let wasUnhealthy = healths[endpoint].isUnhealthy
        if checks[endpoint].finish(result, now: now, random: &random) {
            trace("endpoint \(endpoint) is \(checks[endpoint].state)")
            healths[endpoint].setUnhealthy(!checks[endpoint].state.isUsable, now: now)
            if wasUnhealthy && checks[endpoint].state.isUsable {
                note(detection.checkPassedAgain(endpoint, now: now).map { [$0] } ?? [])
            }
            for loop in queues.indices { post(.usabilityChanged(loop: loop)) }
        }
        events.add(.probe(endpoint: endpoint), at: checks[endpoint].nextProbe)
    }
}
