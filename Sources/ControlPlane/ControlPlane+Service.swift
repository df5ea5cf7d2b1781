import ConfigFiles
import DataPlane
import EventLoop
import Telemetry

/// What the service manager is told of a reload (sd_notify(3), systemd.service(5) on `Type=notify-reload`).
extension ControlPlane {
    /// - Returns: whether it is told, and waits for the end.
    func tellReloading(_ reload: PendingReload, _ outcome: ConfigurationLoader.Outcome) -> Bool {
        // A change beside the files of the configuration is none.
        let isNothing = !reload.isExplicit && outcome.hash == snapshot?.hash && lastReload?.outcome != .rejected
        guard let service, !isNothing, !isStopping else { return false }
        service.tell(.reloading(monotonic: ServiceManager.monotonic))
        return true
    }

    func tellReloaded(_ report: ReloadReport) {
        // The end has been told of, and is not taken back.
        guard !isStopping else { return }
        let state = report.outcome == .rejected ? "configuration rejected, the old one still runs: " : ""
        service?.tell(.ready, .status(state + report.message))
    }
}
