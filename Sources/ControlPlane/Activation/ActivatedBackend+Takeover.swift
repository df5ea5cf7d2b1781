import API
import Base
import DataPlane
import EventLoop
import Logging
import Synchronization
import Traffic

/// Going on under another process, and going on with what another has started; and what there is to tell.
extension ActivatedBackend {
    /// Nothing is started or stopped while another process may be about to take over.
    func freeze() { isFrozen = true }

    func thaw() {
        isFrozen = false
        let actions = deferred
        deferred = []
        perform(actions)
        arm()
    }

    /// What another process has to know to go on with what runs; `nil` where nothing does, or it is about to end.
    var handle: Activations.Inherited? {
        guard machine.isOwn, let handle = process?.handle else { return nil }
        let isReady: Bool
        switch machine.state {
        case .starting: isReady = false
        case .running, .draining: isReady = true
        case .asleep, .looking, .stopping, .failed: return nil
        }
        return .init(
            backend: name, isReady: isReady, process: handle.process, watch: handle.watch, output: handle.output)
    }

    /// Another process has taken over.
    func follow() {
        isFrozen = false
        deferred = []
        // What is about to end is ended here.
        if machine.state == .stopping { return }
        process?.release()
        let wasDraining = machine.state == .draining
        machine.follow(now: .now())
        if wasDraining { open() }
        advance()
    }

    func adopt(_ found: Activations.Inherited) {
        process?.adopt(found.process, watch: found.watch, output: found.output)
        runs += 1
        machine.mayStop = false
        perform(machine.adopt(isReady: found.isReady, now: .now()))
        surroundings.logger.info("backend \(name): process \(found.process) is taken over")
    }

    func resume() {
        process?.resume()
        advance()
    }

    /// The process that it was taken over from has ended.
    func predecessorEnded() {
        machine.mayStop = true
        advance()
    }

    // MARK: Status

    var state: Status.Activation.State {
        switch machine.state {
        case .asleep: .asleep
        case .looking: load.hold.isOpen ? .running : .starting
        case .starting: .starting
        case .running: .running
        case .draining, .stopping: .stopping
        case .failed: .failed
        }
    }

    var status: Status.Activation {
        Status.Activation(
            state: state, since: TimeText.seconds(changed), processID: process?.id,
            restarts: max(0, runs - 1), lastExit: lastExit, held: load.hold.requests.current)
    }
}
