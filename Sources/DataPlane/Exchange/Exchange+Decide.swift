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
        configuration = worker.configuration
        guard recogniseCall() else {
            reject(.badRequest, "grpc-timeout is no time")
            return
        }
        guard worker.overload.admitsRequest(&worker.unmeasured) else {
            reject(.overloaded)
            return
        }
        if let client = client?.connection, client.isTrusted,
            let address = ForwardedClient.address(in: head, isTrusted: client.listener.trusts)
        {
            forwardedClient = Array("\(address)".utf8)
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
        case .asReceived: hasDecodedPath = false
        case .decoded: hasDecodedPath = true
        case .refused(let error):
            reject(error)
            return
        }
        if let table = configuration?.snapshot.table, table.asksForModel, isGRPC {
            let request = view(target, model: .unknown)
            if GRPCMethod.namesModel(request.path) && table.dependsOnModel(request) {
                inspect(modelIsOptional: GRPCMethod.modelIsOptional(request.path))
                return
            }
        }
        chooseRoute(target, model: .inPath)
    }

    func chooseRoute(_ target: RequestTarget, model: ModelSource) {
        guard let configuration, let index = configuration.snapshot.table.match(view(target, model: model)) else {
            reject(.noRoute)
            return
        }
        route = configuration.routes[index]
        checkCredentials()
    }

    private func view(_ target: RequestTarget, model: ModelSource) -> RequestView {
        RequestView(
            head: head, path: path, query: head.slice(target.query),
            host: HostValue.name(head.slice(host)) ?? head.slice(host), model: model)
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

    // MARK: Policies

    private func checkCredentials() {
        guard let route, let users = route.users else {
            applyLimits()
            return
        }
        var found: HeadRange?
        for index in 0..<head.fieldCount where head.field(index).id == .authorization {
            if found != nil {
                deny(.malformed)
                return
            }
            found = head.field(index).value
        }
        guard let found else {
            deny(.missing)
            return
        }
        guard let credentials = BasicCredentials.decode(head.slice(found), into: worker.credentialScratch) else {
            deny(.malformed)
            return
        }
        let scratch = UnsafeRawBufferPointer(worker.credentialScratch)
        let name = UnsafeRawBufferPointer(rebasing: scratch[credentials.user])
        let password = UnsafeRawBufferPointer(rebasing: scratch[credentials.password])
        let known = users.user(name)
        let stored = known ?? users.decoy
        let digest = worker.credentialDigest(user: name, hash: stored.hashBytes, password: password)
        user.append(contentsOf: name)
        switch worker.verdicts.verdict(digest) {
        case .some(let isRight): admit(isRight && known != nil)
        case .none:
            phase = .verifying
            let job = Verification(
                digest: digest, user: Array(name), password: Array(password), hash: stored.hash,
                client: clientText)
            worker.verify(job, for: self, isKnown: known != nil)
        }
    }

    /// The password has been looked at.
    func verified(_ verdict: Bool?, isKnown: Bool) {
        guard phase == .verifying else { return }
        phase = .deciding
        guard let verdict else {
            route?.counters.auth.count(.overloaded)
            user.removeAll(keepingCapacity: true)
            reject(.authOverloaded)
            return
        }
        admit(verdict && isKnown)
        client?.wake()
    }

    private func admit(_ isRight: Bool) {
        guard isRight else {
            deny(.refused)
            return
        }
        route?.counters.auth.count(.granted)
        applyLimits()
    }

    private func deny(_ outcome: AuthOutcome) {
        route?.counters.auth.count(outcome)
        user.removeAll(keepingCapacity: true)
        reject(.unauthorized)
    }

    private func applyLimits() {
        guard let route else { return }
        if let limit = route.maxBodySize {
            if isGRPC {
                if let refusal = limitMessages(to: limit) {
                    refuse(refusal)
                    return
                }
            } else if case .length(let length) = head.framing, length > limit {
                reject(.bodyTooLarge)
                return
            }
        }
        if let response = route.response { answer(response) } else { dispatch() }
    }

    private func answer(_ response: Route.FixedResponse) {
        var body = response.body
        answer(status: response.status, cause: .none, body: body.withUTF8 { Array($0) }) { answer in
            for header in response.headers {
                var (name, value) = (header.name, header.value)
                name.withUTF8 { name in
                    value.withUTF8 { answer.add(UnsafeRawBufferPointer(name), UnsafeRawBufferPointer($0)) }
                }
            }
        }
    }
}
