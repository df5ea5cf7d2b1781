import ArgumentParser
import ConfigFiles
import Configuration
import Explanation

struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Why a request goes where it goes: the route, its policies, backends and mirrors.",
        discussion: """
            Nothing is sent: the request is held against the configuration by the
            code that serves requests. Credentials are shown as '…'. Exits with 0 if
            a route answers, with 1 if none does, if the request is refused, or if
            it depends on what was not said.

            Example:
              sluice explain -c gateway.yaml POST http://h/v2/models/m/infer -u ann
            """)

    @Option(name: .shortAndLong, help: "A YAML file, or a directory of them.")
    var config: String

    @Option(name: [.customShort("H"), .customLong("header")], help: "A header, 'name: value'; as often as needed.")
    var headers: [String] = []

    @Option(name: .shortAndLong, help: "Credentials, as user or user:password; a password that is given is checked.")
    var user: String?

    @Option(help: "The address the request comes from, for what is decided by it.")
    var client: String?

    @Option(help: "The listener it comes in by; without it, the one that fits the URL.")
    var listener: String?

    @Option(help: "The model a gRPC message names, as NAME or NAME:VERSION.")
    var grpcModel: String?

    @Flag(help: "The whole explanation as JSON.")
    var json = false

    @Flag(help: "Each route one by one, however many there are.")
    var all = false

    @Argument(help: ArgumentHelp("METHOD URL, or a URL or a path alone for GET.", valueName: "request"))
    var request: [String]

    func run() throws {
        let question = try question()
        let outcome = ConfigurationLoader.load(path: config)
        guard let gateway = outcome.gateway else {
            for diagnostic in outcome.diagnostics { Console.complain("\(diagnostic)") }
            throw ExitCode(1)
        }
        let explanation = try Self.saying("--listener '\(listener ?? "")'") { () throws(InvalidValue) in
            try Explainer.explain(question, gateway)
        }
        print(json ? explanation.json : explanation.text(isWhole: all), terminator: "")
        if !explanation.isAnswered { throw ExitCode(1) }
    }

    private func question() throws -> Question {
        guard let url = request.last, request.count <= 2 else {
            throw ValidationError("write one request, such as POST http://host/path")
        }
        let method = request.count == 2 ? request[0] : "GET"
        let target = try Self.saying("'\(url)'") { () throws(InvalidValue) in try RequestURL(parsing: url) }
        var question = try Self.saying("'\(method)'") { () throws(InvalidValue) in
            try Question(method: method, url: target)
        }
        for header in headers {
            try Self.saying("'\(header)'") { () throws(InvalidValue) in try question.addHeader(header) }
        }
        question.credentials = user
        question.listener = listener
        if let client {
            guard let address = IPAddress(client) else {
                throw ValidationError("'\(client)' is no address, write one such as 10.0.0.7")
            }
            question.client = address
        }
        question.messageModel = try grpcModel.map { text in
            try Self.saying("'\(text)'") { () throws(InvalidValue) in try MessageModel(parsing: text) }
        }
        return question
    }

    /// What is wrong with a value is told with the value.
    private static func saying<Value>(_ value: String, _ body: () throws(InvalidValue) -> Value) throws -> Value {
        do throws(InvalidValue) { return try body() } catch { throw ValidationError("\(value) \(error.message)") }
    }
}
