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
    var handle: (isReady: Bool, process: Int32, watch: Int32, output: Int32)? {
        guard machine.isOwn, let handle = process?.handle else { return nil }
        switch machine.state {
        case .starting: return (false, handle.process, handle.watch, handle.output)
        case .running, .draining: return (true, handle.process, handle.watch, handle.output)
        case .asleep, .looking, .stopping, .failed: return nil
        }
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

    func adopt(_ id: Int32, isReady: Bool, watch: Int32, output: Int32) {
        process?.adopt(id, watch: watch, output: output)
        runs += 1
        machine.mayStop = false
        perform(machine.adopt(isReady: isReady, now: .now()))
        surroundings.logger.info("backend \(name): process \(id) is taken over")
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

    var described: (state: Status.Activation.State, reason: String?) {
        switch machine.state {
        case .asleep: (.asleep, nil)
        case .looking: load.hold.isOpen ? (.running, nil) : (.starting, nil)
        case .starting: (.starting, nil)
        case .running: (.running, nil)
        case .draining, .stopping: (.stopping, nil)
        case .failed: (.failed, lastExit)
        }
    }

    var status: Status.Activation {
        Status.Activation(
            state: described.state, since: TimeText.seconds(changed), processID: process?.id,
            restarts: max(0, runs - 1), lastExit: lastExit, held: load.hold.requests.current)
    }
}
