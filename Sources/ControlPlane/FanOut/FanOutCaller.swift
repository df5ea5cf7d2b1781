import Base
import Configuration
import ControlClient
import DataPlane
import Dispatch
import EventLoop
import Inference
import TLS
import Traffic

/// Asks every endpoint of some backends the same, and makes one answer of theirs.
///
/// Unchecked: it belongs to its own queue.
final class FanOutCaller: @unchecked Sendable {
    /// Requests under way at the same time, each to as many endpoints as there are: loading models takes long, and an operator
    /// or a pipeline does a few at a time.
    private static let requestLimit = 32
    /// Bytes of one endpoint's answer: the index of some thousand models.
    private static let answerLimit = 4 << 20

    private let queue = DispatchQueue(label: "sluice.fanout", qos: .utility)
    /// Endpoints of the backend were told something, and may have other models than before.
    private let changed: @Sendable (_ backend: String) -> Void
    private var client: ControlClient?
    private var open = 0

    init(changed: @escaping @Sendable (_ backend: String) -> Void) { self.changed = changed }

    private struct Target {
        var leg: FanOutRequest.Leg
        var endpoint: ResolvedEndpoint
        /// `nil` where no gRPC is spoken.
        var address: SocketAddress?
    }

    /// - Parameter completion: called on a queue of its own.
    func send(_ request: FanOutRequest, completion: @escaping FanOutRequest.Completion) {
        queue.async { [self] in
            if client == nil { client = ControlClient(label: "sluice.fanout.client", answers: queue) }
            guard let client, open < Self.requestLimit else {
                completion(nil, 0)
                return
            }
            let targets = Self.targets(of: request)
            guard !targets.isEmpty else {
                completion(FanOutMerge.http([]), 0)
                return
            }
            open += 1
            let collection = Collection(count: targets.count) { [self] replies in
                open -= 1
                for name in Set(request.legs.map(\.backend.backend.name)) { changed(name) }
                let answer =
                    request.isGRPC
                    ? FanOutMerge.grpc(replies, isIndex: request.isIndex) : FanOutMerge.http(replies)
                completion(answer, replies.count)
            }
            for (place, target) in targets.enumerated() {
                let name = target.endpoint.address.description
                guard let address = target.address else {
                    collection.add(.failed(.protocol, reason: "it speaks no gRPC"), of: name, at: place)
                    continue
                }
                client.send(Self.request(request, target, address)) { result in
                    collection.add(Self.outcome(result, of: name), of: name, at: place)
                }
            }
        }
    }

    /// An endpoint that is down is asked as well: that it was not told must not stay hidden. Drained ones are not.
    private static func targets(of request: FanOutRequest) -> [Target] {
        var seen: Set<SocketAddress> = []
        return request.legs.flatMap { leg in
            leg.backend.endpoints.compactMap { endpoint in
                guard !endpoint.health.isDraining, seen.insert(endpoint.address).inserted else { return nil }
                let own = leg.backend.backend.protocol == .http2 ? endpoint.address : nil
                return Target(
                    leg: leg, endpoint: endpoint,
                    address: request.isGRPC ? endpoint.grpcAddress ?? own : endpoint.address)
            }
        }
    }

    private static func request(
        _ request: FanOutRequest, _ target: Target, _ address: SocketAddress
    ) -> ControlClient.Request {
        let backend = target.leg.backend.backend
        var call = ControlClient.Request(
            to: target.endpoint, of: backend, port: address, path: target.leg.path, timeout: request.timeout)
        call.method = request.method
        call.headers = target.leg.headers
        call.body = request.body.isEmpty && ["GET", "HEAD"].contains(request.method) ? nil : request.body
        if request.isGRPC { call.protocol = .http2 }
        call.connectTimeout = backend.timeouts.connect
        call.bodyLimit = answerLimit
        return call
    }

    private static func outcome(
        _ result: Result<ControlClient.Response, ControlClient.Failure>, of name: String
    ) -> FanOutReply.Outcome {
        switch result {
        case .success(let response):
            var answer = FanOutReply.Answer(status: response.status)
            // What libcurl lets through may be no value of a header.
            answer.contentType = response.header("content-type").flatMap { HeaderText.isValue($0) ? $0 : nil } ?? ""
            answer.body = response.body
            if let status = response.trailer("grpc-status") ?? response.header("grpc-status") {
                answer.grpcStatus = Array(status.utf8).withUnsafeBytes { GRPCStatus.parse($0) } ?? .unknown
            }
            let message = response.trailer("grpc-message") ?? response.header("grpc-message") ?? ""
            let decoded = Array(message.utf8).withUnsafeBytes { percentDecoded($0) }
            answer.grpcMessage = decoded.map { String(decoding: $0, as: UTF8.self) } ?? message
            return .answered(answer)
        case .failure(let failure):
            let words = failure.description
            let reason = words.hasPrefix(name + " ") ? String(words.dropFirst(name.count + 1)) : words
            return .failed(FanOutReply.Failure(failure.kind), reason: reason)
        }
    }

    /// The replies to one request, as they come. Belongs to the caller's queue.
    private final class Collection: @unchecked Sendable {
        private var replies: [FanOutReply?]
        private var missing: Int
        private let done: ([FanOutReply]) -> Void

        init(count: Int, done: @escaping ([FanOutReply]) -> Void) {
            replies = Array(repeating: nil, count: count)
            missing = count
            self.done = done
        }

        func add(_ outcome: FanOutReply.Outcome, of endpoint: String, at place: Int) {
            replies[place] = FanOutReply(endpoint: endpoint, outcome: outcome)
            missing -= 1
            if missing == 0 { done(replies.compactMap(\.self)) }
        }
    }
}

extension FanOutReply.Failure {
    fileprivate init(_ kind: ControlClient.Failure.Kind) {
        self =
            switch kind {
            case .connect, .resolve: .connect
            case .tls: .tls
            case .timeout: .timeout
            case .reset, .cancelled: .reset
            case .tooLarge, .protocol, .request: .protocol
            }
    }
}
