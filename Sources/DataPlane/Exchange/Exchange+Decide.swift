import Base
import Configuration
import Credentials
import EventLoop
import HTTP
import Inference
import Telemetry
import Traffic

/// From a parsed head to a decision: refuse, answer here, or dispatch.
extension Exchange {
    /// The head is complete.
    func decide() {
        phase = .deciding
        identity.choose(for: head, random: &worker.random)
        if worker.traces.isOn { beginTrace() }
        configuration = worker.configuration
        guard recogniseCall() else {
            reject(.badRequest, "grpc-timeout is no time")
            return
        }
        guard worker.admitsRequest() else {
            reject(.overloaded)
            return
        }
        if peer.isTrusted, let client = client?.connection,
            let address = ForwardedClient.address(in: head, isTrusted: client.listener.trusts)
        {
            forwardedClient = StableBytes("\(address)")
        }
        if head.method == .connect || head.method == .trace {
            reject(.notImplemented, "CONNECT and TRACE are not served")
            return
        }
        let target: RequestTarget
        do throws(MessageError) {
            target = try RequestTarget(of: head)
            try readHost(target)
        } catch {
            reject(error)
            return
        }
        self.target = target
        if target.form == .asterisk {
            answerOptions()
            return
        }
        switch PathNormalizer.normalize(head.slice(target.path), into: &decodedPath) {
        case .asReceived: hasPlainPath = true
        case .decoded: hasDecodedPath = true
        case .refused(let error):
            reject(error)
            return
        }
        if isGRPC, configuration?.asksForModel == true, let table = configuration?.snapshot.table {
            let request = view(target, model: .unknown)
            if GRPCMethod.namesModel(request.path) && table.dependsOnModel(request) {
                inspect(modelIsOptional: GRPCMethod.modelIsOptional(request.path))
                return
            }
        }
        chooseRoute(target, model: .inPath)
    }

    func chooseRoute(_ target: RequestTarget, model: ModelSource) {
        route = configuration?.route(for: view(target, model: model))
        if route == nil { reject(.noRoute) } else { applyPolicies() }
    }

    func view(_ target: RequestTarget, model: ModelSource) -> RequestView {
        var view = RequestView(
            head: head, path: path, query: head.slice(target.query),
            host: HostValue.name(head.slice(host)) ?? head.slice(host), model: model)
        if configuration?.asksForConnection == true {
            view.isSecure = isSecure
            view.port = client?.connection.listener.port ?? 0
        }
        return view
    }

    /// The client came over TLS: to the gateway, or to a trusted proxy, which then says so. Proxies that append what they
    /// see to what they were told have the client's own at the front.
    var isSecure: Bool {
        guard let client = client?.connection else { return false }
        if client.isTrusted, let field = head.first(.xForwardedProto) {
            var first: Bool?
            forEachListElement(head.value(field)) { if first == nil { first = equalsIgnoringCase($0, "https") } }
            if let first { return first }
        }
        return client.isSecure
    }

    /// An absolute-form target says where the request goes, whatever `Host` says (RFC 9112 section 3.2.2).
    private func readHost(_ target: RequestTarget) throws(MessageError) {
        if head.hostIndex >= 0 {
            host = head.field(head.hostIndex).value
            guard HostValue.name(head.slice(host)) != nil else { throw MessageError(.malformed, "an invalid Host") }
        }
        if target.form == .absolute {
            host = target.authority
            guard HostValue.name(head.slice(host)) != nil else {
                throw MessageError(.malformed, "an invalid authority in the target")
            }
        }
    }

    /// `OPTIONS *` asks about the server itself (RFC 9110 section 9.3.7), which here is the gateway.
    private func answerOptions() {
        answer(status: 200, cause: .none) {
            $0.add("Allow", staticBytes("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"))
        }
    }
}
