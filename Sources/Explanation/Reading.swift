import Base
import Configuration
import Credentials
import HTTP
import Inference
import Traffic

/// A question as the gateway would read it: a real head, parsed by the parser that reads clients' heads.
final class Reading {
    let head = MessageHead()
    let listener: Listener?
    /// How the client speaks to the gateway, or to a trusted proxy before it, which then says so.
    private(set) var scheme: Match.Scheme
    /// How that connection comes to the gateway.
    let ownScheme: Match.Scheme
    /// Of the listener; 0 where it has none.
    let port: UInt16
    /// Who the connection is from.
    let peer: IPAddress?
    /// The client as policies see it, behind trusted proxies.
    private(set) var client: IPAddress?
    /// The peer is a proxy whose headers are believed.
    let isTrusted: Bool
    private(set) var isGRPC = false
    /// Why the gateway answers by itself before it looks at any route.
    private(set) var early: Early?
    private(set) var target: RequestTarget?

    private var host = HeadRange.empty
    private var decodedPath = ByteBuffer()
    private var hasDecodedPath = false
    private var model = ByteBuffer()
    private var version = ByteBuffer()
    let messageModel: MessageModel?

    enum Early {
        case refused(MessageError)
        /// `OPTIONS *` is about the gateway itself.
        case options
    }

    init(_ question: Question, _ gateway: Gateway) throws(InvalidValue) {
        listener = try Self.listener(for: question, gateway.listeners)
        let listener = listener
        ownScheme = listener.map { $0.tls == nil ? .http : .https } ?? question.url.scheme ?? .http
        scheme = ownScheme
        port =
            if let listener {
                listener.address.hostPort?.port ?? 0
            } else {
                question.url.port ?? ownScheme.defaultPort
            }
        isTrusted =
            question.client.map { client in
                listener?.trustedProxies.contains { $0.contains(client) } ?? false
            } ?? false
        messageModel = question.messageModel
        peer = question.client
        client = question.client
        model.append(text: question.messageModel?.name ?? "")
        version.append(text: question.messageModel?.version ?? "")
        do throws(MessageError) {
            try read(question)
        } catch {
            early = .refused(error)
        }
    }

    // MARK: As routes see it

    /// Normalised, without the query.
    var path: UnsafeRawBufferPointer {
        if hasDecodedPath { return decodedPath.bytes }
        let path = target.map { head.slice($0.path) }
        guard let path, !path.isEmpty else { return staticBytes("/") }
        return path
    }

    var query: UnsafeRawBufferPointer {
        target.map { head.slice($0.query) } ?? UnsafeRawBufferPointer(start: nil, count: 0)
    }
    /// With its port, as the client wrote it.
    var authority: UnsafeRawBufferPointer { head.slice(host) }
    var hostName: UnsafeRawBufferPointer { HostValue.name(authority) ?? authority }

    /// What routes look at. The message is read only where a route depends on it, as the gateway does.
    func view(of table: RouteTable) -> RequestView {
        guard isGRPC, table.asksForModel, GRPCMethod.namesModel(path) else { return view(.inPath) }
        let blind = view(.unknown)
        guard table.dependsOnModel(blind) else { return view(.inPath) }
        return messageModel == nil ? blind : view(.known(model.bytes, version: version.bytes))
    }

    private func view(_ model: ModelSource) -> RequestView {
        var view = RequestView(head: head, path: path, query: query, host: hostName, model: model)
        view.isSecure = scheme == .https
        view.port = port
        return view
    }

    // MARK: Reading

    /// The one that is named; else of those with the URL's scheme the one with its port, or the first.
    private static func listener(for question: Question, _ listeners: [Listener]) throws(InvalidValue) -> Listener? {
        if let name = question.listener {
            guard let found = listeners.first(where: { $0.name == name }) else {
                let known = listeners.map { "'\($0.name)'" }.joined(separator: ", ")
                throw InvalidValue("is no listener, there \(listeners.isEmpty ? "are none" : "is \(known)")")
            }
            return found
        }
        guard let scheme = question.url.scheme else { return listeners.first }
        let fitting = listeners.filter { ($0.tls != nil) == (scheme == .https) }
        return fitting.first { $0.address.hostPort?.port == question.url.port } ?? fitting.first
    }

    /// A request of the longest line and the most fields that any listener could allow is read as far as it goes.
    private func read(_ question: Question) throws(MessageError) {
        let bytes = Array(Self.requestText(of: question).utf8)
        let limit = listener?.limits.headerBytes ?? Listener.Limits().headerBytes
        switch bytes.withUnsafeBytes({ head.parseRequest($0, limit: limit) }) {
        case .complete: break
        case .failed(let error): throw error
        case .incomplete: throw MessageError(.malformed, "the request is incomplete")
        }
        isGRPC =
            head.method == .post
            && head.first(.contentType).map { Inference.isGRPC(contentType: head.value($0)) } ?? false
        if isGRPC, let field = head.first(named: "grpc-timeout"), GRPCTimeout.parse(head.value(field)) == nil {
            throw MessageError(.malformed, "grpc-timeout is no time")
        }
        if isTrusted, let listener {
            let trusts = { (address: IPAddress) in listener.trustedProxies.contains { $0.contains(address) } }
            client = ForwardedClient.address(in: head, isTrusted: trusts) ?? client
            // Proxies that append what they see to what they were told have the client's own at the front.
            if let field = head.first(.xForwardedProto) {
                var words: [String] = []
                forEachListElement(head.value(field)) { words.append(text($0).lowercased()) }
                if let first = words.first { scheme = first == "https" ? .https : .http }
            }
        }
        if head.method == .connect || head.method == .trace {
            throw MessageError(.notImplemented, "CONNECT and TRACE are not served")
        }
        let target = try RequestTarget(of: head)
        host = head.hostIndex >= 0 ? head.field(head.hostIndex).value : .empty
        guard HostValue.name(head.slice(host)) != nil else { throw MessageError(.malformed, "an invalid Host") }
        self.target = target
        if target.form == .asterisk {
            early = .options
            return
        }
        switch PathNormalizer.normalize(head.slice(target.path), into: &decodedPath) {
        case .asReceived: break
        case .decoded: hasDecodedPath = true
        case .refused(let error): throw error
        }
    }

    /// The head a client would send.
    private static func requestText(of question: Question) -> String {
        var text = "\(question.method) \(question.url.target) HTTP/1.1\r\n"
        if question.header("host") == nil { text += "Host: \(question.url.authority ?? "localhost")\r\n" }
        for (name, value) in question.headers { text += "\(name): \(value)\r\n" }
        if let credentials = question.credentials, question.header("authorization") == nil {
            let pair = credentials.contains(":") ? credentials : credentials + ":"
            text += "Authorization: Basic \(BasicCredentials.encode(pair))\r\n"
        }
        if question.messageModel != nil, question.header("content-type") == nil {
            text += "Content-Type: application/grpc\r\n"
        }
        return text + "\r\n"
    }
}
