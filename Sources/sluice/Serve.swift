import Admin
import ArgumentParser
import Base
import ConfigFiles
import Configuration
import ControlPlane
import Dispatch
import EventLoop
import Glibc
import Logging

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the gateway.",
        discussion: """
            SIGHUP reads the configuration again, as does a change of its files. SIGUSR1 opens the access log anew, after it
            was renamed. SIGTERM and SIGINT end it in order, a
            second one at once. With `takeover` in the configuration, a new process takes the sockets of the running one
            over, which then ends when its requests do.

            Example:
              sluice serve -c gateway.yaml
            """)

    @Option(name: .shortAndLong, help: "A YAML file, or a directory of them.")
    var config: String

    func run() throws {
        LoggingSystem.bootstrap { label in StreamLogHandler.standardError(label: label) }
        let logger = Logger(label: "sluice")
        let passed: PassedSockets
        do throws(SocketFailure) {
            passed = try PassedSockets.fromEnvironment()
        } catch {
            Console.complain("sluice: \(error)")
            throw ExitCode(1)
        }
        let service = ServiceManager.fromEnvironment()
        let outcome = ConfigurationLoader.load(path: config, for: .service)
        for diagnostic in outcome.diagnostics { Console.complain("\(diagnostic)") }
        guard let gateway = outcome.gateway else {
            Console.complain("sluice: the configuration is invalid, nothing was started")
            throw ExitCode(1)
        }
        guard
            let plane = ControlPlane(
                path: config, loops: gateway.loops, logger: logger, passed: passed, service: service),
            let admin = AdminServer(plane: plane)
        else {
            Console.complain("sluice: the kernel gives no descriptors for the event loops; raise the limit (ulimit -n)")
            throw ExitCode(1)
        }
        // Not the control queue: a reload may be waiting there for a name server.
        guard
            let signals = Signals(
                queue: DispatchQueue(label: "sluice.signals"),
                [
                    SIGTERM: { plane.shutdown("SIGTERM") }, SIGINT: { plane.shutdown("SIGINT") },
                    SIGHUP: { plane.reload("SIGHUP") }, SIGUSR1: { plane.reopenLogs() },
                ])
        else {
            Console.complain("sluice: the kernel gives no descriptor for signals; raise the limit (ulimit -n)")
            throw ExitCode(1)
        }
        if let failure = plane.start(outcome, after: try predecessor(gateway)) {
            Console.complain("sluice: \(failure)")
            throw ExitCode(1)
        }
        withExtendedLifetime((admin, signals)) { dispatchMain() }
    }

    /// The gateway that runs already and is to hand over.
    private func predecessor(_ gateway: Gateway) throws -> Predecessor? {
        guard let path = gateway.takeoverSocket else { return nil }
        switch Predecessor.find(at: path) {
        case .nobody: return nil
        case .found(let predecessor): return predecessor
        case .failed(let problem):
            Console.complain("sluice: \(problem)")
            throw ExitCode(1)
        }
    }
}
