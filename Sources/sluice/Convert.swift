import ArgumentParser
import Base
import ConfigFiles
import Configuration
import Glibc

struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Turn Istio, Gateway API and ingress-nginx manifests into native YAML.",
        discussion: """
            What cannot be carried over is said on the error side, each with its place; then nothing is printed and the
            exit code is 1. Notes and warnings say where the native form behaves differently.

            Example:
              sluice convert virtual-service.yaml destination-rule.yaml > routes.yaml
            """)

    @Argument(help: "Manifests, or directories of them; native files may stand beside them.")
    var files: [String]

    @Option(name: .shortAndLong, help: "Write to this file instead of standard output.")
    var output: String?

    func run() throws {
        let outcome = ConfigurationLoader.load(paths: files)
        for diagnostic in outcome.diagnostics { Console.complain("\(diagnostic)") }
        guard let gateway = outcome.gateway else { throw ExitCode(1) }
        let yaml = outcome.writer(from: files).yaml(gateway)
        guard let output else {
            print(yaml, terminator: "")
            return
        }
        guard let file = fopen(output, "w") else {
            Console.complain("sluice: cannot write \(output): \(String(cString: strerror(errno)))")
            throw ExitCode(1)
        }
        let isWritten = yaml.utf8.withContiguousStorageIfAvailable {
            fwrite($0.baseAddress, 1, $0.count, file) == $0.count
        }
        guard fclose(file) == 0, isWritten ?? yaml.isEmpty else {
            Console.complain("sluice: cannot write \(output): \(String(cString: strerror(errno)))")
            throw ExitCode(1)
        }
    }
}
