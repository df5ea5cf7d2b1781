import ArgumentParser
import ConfigFiles
import Configuration
import Glibc

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Validate a configuration: all problems at once, each with its place and a suggestion.",
        discussion: """
            Exits with 0 if the configuration can be served (warnings do not count), with 1 if not.

            Example:
              sluice check -c gateway.yaml
            """)

    @Option(name: .shortAndLong, help: "A YAML file, or a directory of them.")
    var config: String

    func run() throws {
        let outcome = ConfigurationLoader.load(path: config)
        for diagnostic in outcome.diagnostics { print(diagnostic) }
        guard let gateway = outcome.gateway else { throw ExitCode(1) }
        print("\(config): ok, routes: \(gateway.routes.count), backends: \(gateway.backends.count)")
    }
}
