import Configuration
import DataPlane
import Dispatch
import EventLoop
import Glibc
import Logging
import Synchronization

extension ControlPlane {
    /// How often it is looked whether the last connection has gone.
    private static let pollInterval = DispatchTimeInterval.milliseconds(20)

    /// False from the first sign of the end on, or after `drain`: new clients should go elsewhere.
    package var isReady: Bool { readiness.load(ordering: .acquiring) }

    /// Says "not ready" and ends each connection with its next answer, while new ones are still served; or takes that back.
    package func setDraining(_ draining: Bool) {
        queue.async { [self] in
            guard !isStopping else { return }
            isDraining = draining
            for worker in workers { worker.loop.post { draining ? worker.drain() : worker.undrain() } }
            logger.info("\(draining ? "draining: /readyz says 503" : "serving again")")
        }
    }

    /// The same for one endpoint of a backend. `completion` gets whether there is such an endpoint, on the control queue.
    package func setDraining(
        _ draining: Bool, endpoint: String, of backend: String, completion: @escaping @Sendable (Bool) -> Void
    ) {
        queue.async { [self] in completion(health.setDraining(draining, endpoint, of: backend)) }
    }

    /// The first call ends the process in order, a second one at once. Never waits for a reload that is under way.
    package func shutdown(_ signal: String) {
        if isSignalled.exchange(true, ordering: .acquiringAndReleasing) {
            logger.warning("\(signal) again: ending at once")
            SupervisedProcess.killAll()
            _exit(143)
        }
        guard !stopRequested.exchange(true, ordering: .acquiringAndReleasing) else {
            logger.info("\(signal): this process has been taken over from, and ends when its requests do")
            return
        }
        readiness.store(false, ordering: .releasing)
        queue.async { [self] in
            guard snapshot != nil else {
                logger.info("\(signal): stopped before it had started")
                Self.end()
            }
            let settings = snapshot?.gateway.shutdown
            service?.tell(.stopping, .status("\(signal): ends when its requests do"))
            logger.info(
                "\(signal): /readyz says 503, no new connections after \(seconds(settings?.delay ?? .zero)) s, what runs may take \(seconds(settings?.drain ?? .zero)) s"
            )
            let delay = DispatchTime.now() + seconds(settings?.delay ?? .zero)
            queue.asyncAfter(deadline: delay) { [self] in stopAccepting() }
        }
    }

    func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    }

    private func stopAccepting() {
        // A process that has taken over meanwhile has ended this already.
        guard !isClosed else { return }
        let drain = snapshot?.gateway.shutdown.drain ?? .zero
        let end = DispatchTime.now() + seconds(drain)
        stopListening { [self] in
            for worker in workers { worker.loop.post { worker.drain() } }
            waitForConnections(until: end)
        }
    }

    /// Closes the listeners; `done` runs on the control queue when nothing is accepted any more.
    func stopListening(_ done: @escaping @Sendable () -> Void) {
        isClosed = true
        if isFileOwner { takeover.close(keepsFile: false) }
        listeners.stopAccepting(keepsFiles: !isFileOwner) { [self] in queue.async(execute: done) }
    }

    func waitForConnections(until end: DispatchTime) {
        let open = workers.reduce(0) { $0 + $1.connectionCount.load(ordering: .relaxed) }
        if open == 0 {
            finish(cut: 0)
        } else if DispatchTime.now() >= end {
            let left = Countdown(workers.count) { [self] in queue.async { [self] in finish(cut: open) } }
            for worker in workers {
                worker.loop.post {
                    worker.cut()
                    left.countDown()
                }
            }
        } else {
            queue.asyncAfter(deadline: .now() + Self.pollInterval) { [self] in waitForConnections(until: end) }
        }
    }

    private func finish(cut: Int) {
        if cut > 0 { logger.warning("the drain time is over: \(cut) connections were cut") }
        // The log lines of their requests wait for them.
        for worker in workers { worker.loop.post { worker.cancelMirrorCopies() } }
        activations.stop { [self] in sayGoodbye() }
    }

    private func sayGoodbye() {
        // Reports flush the loops' log buffers as well.
        collect { [self] _ in
            live.stop()
            logWriter?.flush(seconds: 2)
            traces.flush()
            stopAdmin(!isFileOwner) { [self] in
                logger.info("stopped")
                Self.end()
            }
        }
    }

    /// Without the handlers that libraries have registered: they take down what calls to other servers may be using at this
    /// moment, on threads of their own.
    private static func end() -> Never {
        fflush(nil)
        _exit(0)
    }
}
