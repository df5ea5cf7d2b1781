import Base
import EventLoop
import HTTP
import Inference
import Telemetry
import Traffic

/// What goes to endpoints is another body than the client's: its messages name another model, or Triton is told how urgent
/// the request is (`tritonParameters`).
extension Exchange {
    /// What the route says of Triton's parameters, if that is something for this user.
    private var parameterRule: ParameterRule? {
        guard let rule = route?.policies?.parameters, !rule.isSilent(for: user) else { return nil }
        return rule
    }

    /// The same at this moment.
    private func parameters(_ rule: ParameterRule) -> RequestParameters {
        RequestParameters(
            priority: rule.priority(of: user), timeout: rule.timeout(left: exchangeDeadline.since(worker.loop.now)))
    }

    /// Whether the request can be given what its route says, as far as its head tells; otherwise it has been refused.
    func canTakeParameters() -> Bool {
        guard parameterRule != nil, !isGRPC else { return true }
        switch ParameterRule.place(in: head, path: upstreamPath) {
        case .none, .json: return true
        case .malformed(let reason): reject(.badRequest, reason)
        case .impossible(let reason): reject(.notImplemented, reason)
        }
        return false
    }

    /// A try begins, with what is to be changed about the body in it.
    func beginRewriting() {
        if jsonRewriter != nil { jsonRewriter = nil }
        guard let route, let entry else { return }
        let path = upstreamPath
        if isGRPC {
            let model = route.entries[entry].changes?.rewriter
            messageRewriter = model != nil && GRPCMethod.namesModel(path) ? model : nil
            if let rule = parameterRule, GRPCMethod.inference(path) != nil {
                var rewriter = messageRewriter ?? GRPCModelRewriter(model: nil, version: nil)
                rewriter.parameters = parameters(rule)
                messageRewriter = rewriter
            }
        } else if let rule = parameterRule, case .json(let length) = ParameterRule.place(in: head, path: path) {
            jsonRewriter = ParameterJSON(parameters(rule), jsonBytes: length)
        }
    }

    // MARK: The head

    /// How the end of the body is told to the next hop. A stream says how much comes by its end, which HTTP/1.1 says by the last
    /// chunk.
    func outgoingFraming(isMirror: Bool) -> BodyFraming {
        guard !isMirror, head.framing != .none else { return head.framing == .close ? .chunked : head.framing }
        if messageRewriter != nil { return .chunked }
        switch head.framing {
        case .close: return .chunked
        case .length(let length):
            let (sum, overflow) = length.addingReportingOverflow(jsonRewriter?.growth ?? 0)
            return .length(overflow ? .max : sum)
        case .none, .chunked: return head.framing
        }
    }

    /// How long the JSON in front of binary tensors is for the next hop; `nil` where that stays as it is.
    func outgoingJSONLength(isMirror: Bool) -> UInt64? {
        guard !isMirror, let jsonRewriter, case .json(let length?) = ParameterRule.place(in: head, path: upstreamPath)
        else { return nil }
        return length &+ jsonRewriter.growth
    }

    // MARK: The body

    /// Body bytes on their way out.
    func sendToEndpoint(_ bytes: UnsafeRawBufferPointer) {
        if jsonRewriter != nil {
            if let reason = jsonRewriter?.feed(bytes, emit: { upstream?.sendBody($0) }) { reject(.badRequest, reason) }
            return
        }
        guard messageRewriter != nil else {
            upstream?.sendBody(bytes)
            return
        }
        // Messages of a stream come when the time that is left has become less.
        if let rule = parameterRule { messageRewriter?.parameters.timeout = parameters(rule).timeout }
        if let refusal = messageRewriter?.feed(bytes, emit: { upstream?.sendBody($0) }) { refuse(refusal) }
    }

    /// The request is complete.
    func endToEndpoint(trailers: MessageHead?) {
        if let reason = jsonRewriter?.end() {
            reject(.badRequest, reason)
            return
        }
        messageRewriter?.end { upstream?.sendBody($0) }
        upstream?.sendEnd(trailers: trailers)
    }
}
