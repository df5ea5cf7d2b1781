import ArgumentParser
import Base

@main
struct Sluice: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sluice",
        abstract: "The inference gateway for NVIDIA Triton Inference Server.",
        discussion: """
            Splits, mirrors, protects and measures the traffic of model servers.

            Example:
              sluice check -c gateway.yaml && sluice serve -c gateway.yaml
            """,
        version: "sluice \(sluiceVersion)",
        subcommands: [
            Serve.self, Check.self, Explain.self, Convert.self, StatusCommand.self, Weights.self, Passwd.self,
        ])
}
