import ConfigFiles
import Dispatch
import EventLoop
import Glibc
import Logging
import Telemetry

extension ControlPlane {
    /// How long after the first sign of a change the files are read: an editor's or kubelet's steps belong together.
    private static let settleTime = DispatchTimeInterval.milliseconds(30)
    /// Times a changed file is read before it counts as wrong: somebody may be in the middle of writing it.
    private static let attempts = 4

    /// Watches the directories of the files, both where they are named and where links lead. What is watched from now on only
    /// may have changed since it was read, so it is read again.
    func watch(_ paths: [String]) {
        if watcher == nil {
            watcher = FileWatcher(queue: queue) { [weak self] in self?.scheduleReload() }
            if watcher == nil {
                logger.warning("the kernel has no inotify instance left: changed files are read on SIGHUP only")
            }
        }
        guard let watcher else { return }
        var isNew = false
        for path in paths {
            if watcher.watch(directory: Self.directory(of: path)) { isNew = true }
            guard let real = realpath(path, nil) else { continue }
            let resolved = String(cString: real)
            free(real)
            if watcher.watch(directory: Self.directory(of: resolved)) { isNew = true }
        }
        if isNew { scheduleReload() }
    }

    static func directory(of path: String) -> String {
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { return path }
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    func scheduleReload() {
        guard !isReloadScheduled, !isStopping else { return }
        isReloadScheduled = true
        reloadLater(attempt: 1)
    }

    private func reloadLater(attempt: Int) {
        queue.asyncAfter(deadline: .now() + Self.settleTime) { [weak self] in
            guard let self else { return }
            // Put off while another process has the sockets: this one may still have to go on by itself.
            if isHandingOver {
                reloadLater(attempt: attempt)
                return
            }
            // The sign of a change of weights that is in force, or of something beside the files.
            if lastReload?.outcome != .rejected, !isReloading, steering.fingerprint?.isCurrent() == true {
                isReloadScheduled = false
                watch(steering.watched)
                return
            }
            let outcome = ConfigurationLoader.load(path: path, for: .service)
            if outcome.gateway == nil, attempt < Self.attempts {
                reloadLater(attempt: attempt + 1)
                return
            }
            isReloadScheduled = false
            reloadInTurn(PendingReload(trigger: "file changed", loaded: outcome))
        }
    }
}
