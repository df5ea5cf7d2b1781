import Base
import Configuration
import DataPlane
import Dispatch
import EventLoop
import Glibc
import Logging
import Synchronization

/// Taking over from the process before, and handing over to the one after.
extension ControlPlane {
    // MARK: The newer process

    /// Uses the sockets of a running gateway from here on; to be called before the first configuration is applied.
    func inherit(_ predecessor: Predecessor) {
        isFileOwner = false
        source.inherit(predecessor.sockets)
        activations.inherit(predecessor.processes)
    }

    /// Connections are accepted here: the other process may let go.
    func release(_ predecessor: Predecessor) {
        isFileOwner = true
        let count = predecessor.sockets.count
        switch predecessor.release() {
        case .released(let isService, let watchdog):
            logger.info(
                "took \(count) sockets over from process \(predecessor.process), which ends when its requests do")
            if isService { service?.startWatchdog(workers, period: watchdog) }
        case .gone:
            logger.warning("took \(count) sockets over from process \(predecessor.process), which has ended meanwhile")
        case .silent:
            logger.error(
                "process \(predecessor.process) does not say that it has stopped accepting: clients it still takes may wait for ever, end it"
            )
        }
        source.closeUnused()
        activations.released(by: predecessor.process)
        guard let control = predecessor.control, control.path != snapshot?.gateway.takeoverSocket else { return }
        control.socket.removeFile()
        close(control.socket.descriptor)
    }

    // MARK: The older process

    var handover: TakeoverServer.Gateway {
        TakeoverServer.Gateway(
            begin: { [unowned self] in beginHandover() },
            abandon: { [unowned self] in abandonHandover() },
            release: { [unowned self] in handOver(to: $0, $1) })
    }

    private func beginHandover() -> Result<TakeoverServer.Offer, TakeoverServer.Refusal> {
        guard !isStopping else { return .failure(.init(reason: "the running process is ending")) }
        // No socket comes or goes until it is over: see reloadNow.
        isHandingOver = true
        isFileOwner = false
        let all = listeners.sockets.merging(adminSockets()) { first, _ in first }
        return .success(
            TakeoverServer.Offer(
                sockets: all.map { ($0.key.description, $0.value) }, processes: activations.beginHandover()))
    }

    private func abandonHandover() {
        isHandingOver = false
        // With the end of this process under way the files stay: nobody can tell whether the other one needs them.
        if !isStopping { isFileOwner = true }
        activations.abandonHandover()
        logger.error("the process that was taking over has gone before it accepted connections: this one goes on")
        // What changed meanwhile was put off, or refused.
        scheduleReload()
    }

    private func handOver(to process: Int32, _ done: @escaping @Sendable (HandoverMessage) -> Void) {
        isHandingOver = false
        let isEnding = stopRequested.exchange(true, ordering: .acquiringAndReleasing)
        guard !isClosed else {
            // A signal has ended this process meanwhile.
            done(.released(isService: false, watchdog: nil))
            return
        }
        activations.handedOver()
        logger.info("process \(process) has taken over: no new connections here, what runs goes on")
        let isService = service != nil && Self.controlGroup(of: process) == Self.controlGroup(of: getpid())
        let watchdog = service?.period
        stopListening { [self] in
            stopAdmin(true) { [self] in
                queue.async { [self] in
                    if isService {
                        service?.leave(to: process)
                    } else if !isEnding {
                        service?.tell(
                            .stopping, .status("handed over to process \(process), ends when its requests do"))
                    }
                    done(.released(isService: isService, watchdog: isService ? watchdog : nil))
                    drainAfterHandover()
                }
            }
        }
    }

    /// Ends as by SIGTERM, but for the clients of connections that carry nothing at the moment.
    private func drainAfterHandover() {
        for worker in workers { worker.loop.post { worker.drainPatiently() } }
        waitForConnections(until: .now() + seconds(snapshot?.gateway.shutdown.drain ?? .zero))
    }

    /// The text by which the kernel tells services apart (cgroups(7)); `nil` where there is no such process.
    private static func controlGroup(of process: Int32) -> [UInt8]? {
        let descriptor = open("/proc/\(process)/cgroup", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var text = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &text, text.count)
        return count > 0 ? Array(text.prefix(count)) : nil
    }
}
