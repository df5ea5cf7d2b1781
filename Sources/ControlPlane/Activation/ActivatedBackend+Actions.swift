import Base
import Configuration
import DataPlane
import Dispatch
import EventLoop
import Logging
import Synchronization
import Telemetry
import Traffic

/// What a machine's actions do.
extension ActivatedBackend {
    func perform(_ actions: [ActivationMachine.Action]) {
        let before = state
        for action in actions {
            switch action {
            case .start, .terminate, .kill: if isFrozen { deferred.append(action) } else { perform(action) }
            default: perform(action)
            }
        }
        if state != before { changed = wallClockSeconds() }
        if !actions.isEmpty { arm() }
    }

    func perform(_ action: ActivationMachine.Action) {
        switch action {
        case .look:
            endCheck()
            ask()
            if check == nil { perform(machine.looked(isThere: false, now: .now())) }
        case .start: start()
        case .confirmIdle: confirmIdle()
        case .open: open()
        case .close: close()
        case .fail(let reason, let until): fail(reason, until)
        case .forgetFailure:
            load.hold.set(.closed)
            tellLoops { [load] in $0.forgetFailure(load) }
        case .terminate: terminate()
        case .kill:
            surroundings.logger.warning("backend \(name): the process does not end by SIGTERM: it is killed")
            process?.kill()
        case .count(let outcome): count(outcome)
        }
    }

    func count(_ outcome: ActivationMachine.Outcome) {
        switch outcome {
        case .started:
            outcomes.count(.started)
            surroundings.logger.info("backend \(name) is ready")
        case .failed: outcomes.count(.failed)
        case .stopped:
            outcomes.count(.stopped)
            surroundings.logger.info("backend \(name) is stopped")
        case .crashed:
            outcomes.count(.crashed)
            surroundings.logger.error("backend \(name) has ended by itself: \(lastExit ?? "")")
        }
    }

    func start() {
        runs += 1
        means = activation.means
        switch means {
        case .exec(let words):
            if process == nil { process = makeProcess() }
            if let problem = process?.start(words, in: surroundings.directory) {
                perform(machine.couldNotStart(problem, isThere: false, now: .now()))
            } else {
                surroundings.logger.info(
                    "backend \(name): a request wants it, process \(process?.id ?? 0) is started: \(words[0])")
            }
        case .kubernetes(let namespace, let deployment):
            surroundings.logger.info("backend \(name): a request wants it, \(namespace)/\(deployment) is scaled up")
            scale(namespace, deployment).wake { [weak self] problem in
                guard let self, let problem else { return }
                perform(machine.couldNotStart(problem, isThere: false, now: .now()))
            }
        }
    }

    func scale(_ namespace: String, _ deployment: String) -> DeploymentScale {
        DeploymentScale(namespace: namespace, deployment: deployment, api: surroundings.cluster())
    }

    func endCheck() {
        check?.cancel()
        check = nil
    }

    func terminate() {
        endCheck()
        if process?.id != nil {
            // A server waits for its connections, and these are used by nobody any more.
            tellLoops { [load] in $0.closeIdleConnections(of: load) }
            process?.askToEnd()
            return
        }
        guard case .kubernetes(let namespace, let deployment) = means else {
            perform(machine.exited("it is gone", now: .now()))
            return
        }
        scale(namespace, deployment).sleep { [weak self] problem in
            guard let self else { return }
            if let problem { surroundings.logger.error("backend \(name): \(problem)") }
            perform(machine.exited(problem ?? "it was scaled to 0", now: .now()))
        }
    }

    func confirmIdle() {
        guard let client = surroundings.client() else {
            perform(machine.foundIdle(false, now: .now()))
            return
        }
        let usage = usage ?? UsageCheck()
        self.usage = usage
        usage.ask(resolved.endpoints, of: resolved.backend, client) { [weak self] isIdle in
            guard let self else { return }
            perform(machine.foundIdle(isIdle, now: .now()))
        }
    }

    // MARK: Requests

    func tellLoops(_ tell: @escaping @Sendable (Worker) -> Void) {
        for worker in surroundings.workers { worker.loop.post { tell(worker) } }
    }

    func open() {
        // One that ran already has been looked at under this configuration.
        means = activation.means
        surroundings.endpointsChanged(name, true)
        load.hold.set(.open)
        load.hold.heard()
        tellLoops { [load] in $0.releaseHeld(load) }
    }

    func close() {
        load.hold.set(.closed)
        load.hold.heard()
        surroundings.endpointsChanged(name, false)
        usage = nil
        areLoopsTold = false
        closings += 1
        let closing = closings
        let queue = surroundings.queue
        let left = Countdown(surroundings.workers.count) { [weak self] in
            queue.async { [weak self] in if self?.closings == closing { self?.areLoopsTold = true } }
        }
        tellLoops { [load] in
            $0.holdQueued(load)
            left.countDown()
        }
    }

    func fail(_ reason: String, _ until: Instant) {
        surroundings.logger.error("backend \(name) could not be started: \(reason)")
        load.hold.set(.failed)
        load.hold.heard()
        let message = "the model server could not be started: \(reason)"
        tellLoops { [load] in $0.failHeld(load, cause: .activationFailed, message: message, retryAt: until) }
    }
}
