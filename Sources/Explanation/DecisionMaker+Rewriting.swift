import Base
import Configuration
import HTTP
import Inference
import Telemetry
import Traffic

/// Where a request goes after its path is rewritten, and where a redirect sends it.
extension DecisionMaker {
    /// What an endpoint gets as the target of the request line.
    struct Rewriting {
        var target: [UInt8]
        /// In its one reading, with the model that the client has named.
        var path: [UInt8] = []
        /// Said about the messages of a call.
        var ofMessages: [String] = []
        /// The path that was made has no one reading.
        var refusal: Explanation.Refusal?
    }

    /// - Parameter names: the models of an entry; mirrors see those that the client has named.
    func rewriting(_ names: ModelNames?) -> Rewriting {
        guard let target = reading.target else { return Rewriting(target: Array("/".utf8)) }
        let received = Array(reading.head.slice(HeadRange(Int(target.path.start), Int(reading.head.target.end))))
        var result = Rewriting(target: received)
        let query = received[target.path.count...]
        var path = ByteBuffer()
        if let rewriter = route.rewrite?.path.flatMap({ PathRewriter($0) }) {
            var scratch = Substitution.Scratch()
            guard rewriter.rewrite(reading.path, matched: matchedPath, into: &path, scratch: &scratch) else {
                result.refusal = Explanation.Refusal(.badRequest, "the path cannot be rewritten")
                return result
            }
            result.target = Array(path.bytes) + query
        } else {
            path.append(reading.path)
            if target.path.isEmpty { result.target = Array("/".utf8) + query }
        }
        result.path = Array(path.bytes)
        guard let names else { return result }
        if reading.isGRPC {
            guard GRPCMethod.namesModel(path.bytes) else { return result }
            if let model = names.model { result.ofMessages.append("messages name model \(Shown.word(model))") }
            if let version = names.version { result.ofMessages.append("messages name version \(Shown.word(version))") }
        } else {
            var named = ByteBuffer()
            if names.rewrite(path.bytes, into: &named) { result.target = Array(named.bytes) + query }
        }
        return result
    }

    /// The model that endpoints serve the request with; `nil` where it names none, or one that was not said.
    func servedModel(_ entry: Route.WeightedBackend) -> MessageModel? {
        let path = rewriting(nil).path
        guard var model = path.withUnsafeBytes({ named(in: $0) }) else { return nil }
        if let name = entry.model { model.name = name }
        if let version = entry.version { model.version = version }
        return model
    }

    private func named(in path: UnsafeRawBufferPointer) -> MessageModel? {
        if reading.isGRPC { return GRPCMethod.namesModel(path) ? reading.messageModel : nil }
        return InferencePath(path).map { MessageModel(name: text($0.model), version: text($0.version)) }
    }

    /// What the path was compared with, which is what a new prefix takes the place of.
    private var matchedPath: Match.PathMatch? { RouteAlternatives(route).path(matching: view) }

    /// - Returns: `nil` where no URL comes out.
    func answer(_ redirect: Route.Redirect) -> Decision.Answer? {
        guard let target = reading.target else { return nil }
        let query = reading.head.slice(HeadRange(Int(target.path.end), Int(reading.head.target.end)))
        var location = ByteBuffer()
        let isWritten = RedirectTarget(redirect).write(
            RedirectTarget.Request(
                isSecure: reading.scheme == .https, host: reading.authority, path: reading.path, query: query,
                matched: matchedPath), into: &location)
        return isWritten ? answer(status: redirect.code) { $0.add("Location", location.bytes) } : nil
    }
}
