import API
import ArgumentParser
import Base
import Configuration
import ControlClient
import Dispatch
import Foundation
import Glibc
import Synchronization
import Terminal

/// Calls to the admin listener of a running gateway.
struct AdminClient: Sendable {
    let address: AdminAddress
    /// A serial queue, on which what streams bring is handed over.
    let answers = DispatchQueue(label: "sluice.answers")
    private let tls: BackendTLS?
    private let credentials: ControlClient.Credentials
    private let client: ControlClient

    /// A machine at the other end of the world answers within that.
    private static let connectTime = Duration.seconds(5)
    /// The weights of a route are looked up in its file, which may have ten thousand.
    private static let readTime = Duration.seconds(30)
    /// A change is in force on every loop when it is answered; before, a name server may be asked.
    private static let writeTime = Duration.seconds(60)
    /// Events come once a second; a gateway that says nothing for so long is gone, or the way to it is.
    private static let silence = Duration.seconds(10)
    private static let largestAnswer = EventStreamReader.longestMessage

    init?(_ address: AdminAddress, tls: BackendTLS?, credentials: ControlClient.Credentials) {
        // A connection that closes is an error of the call, and a pipe that closes one of the write.
        signal(SIGPIPE, SIG_IGN)
        guard let client = ControlClient(label: "sluice.client", answers: answers) else { return nil }
        self.address = address
        self.tls = tls
        self.credentials = credentials
        self.client = client
    }

    /// One call, waited for. Answers other than 2xx are failures.
    func call(
        _ path: String, method: String = "GET", body: [UInt8]? = nil, ifMatch: String? = nil
    ) throws(AdminFailure) -> ControlClient.Response {
        var request = request(path)
        request.method = method
        request.timeout = method == "GET" ? Self.readTime : Self.writeTime
        request.body = body
        if body != nil { request.headers.append(("Content-Type", "application/json")) }
        if let ifMatch { request.headers.append(("If-Match", ifMatch)) }
        switch wait(for: request) {
        case nil: throw AdminFailure("\(address) was called and nothing came of it")
        case .failure(let failure): throw explain(failure)
        case .success(let response):
            guard 200..<300 ~= response.status else { throw explain(response, path) }
            return response
        }
    }

    /// One call and what its answer says.
    func read<Value: Decodable>(
        _ type: Value.Type, _ path: String, method: String = "GET", body: [UInt8]? = nil, ifMatch: String? = nil
    ) throws(AdminFailure) -> (value: Value, response: ControlClient.Response) {
        let response = try call(path, method: method, body: body, ifMatch: ifMatch)
        guard let value = Self.decode(type, response.body) else {
            throw AdminFailure(
                "\(address) answers, but not as a Sluice \(sluiceVersion) does: is it the admin address of one?")
        }
        return (value, response)
    }

    static func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) -> Value? {
        try? JSONDecoder().decode(type, from: Data(bytes))
    }

    /// The stream of events. `receive` and `ended` are called on `answers`; who takes long there is cut off.
    func events(
        receive: @escaping @Sendable ([UInt8]) -> Void,
        ended: @escaping @Sendable (Result<ControlClient.Response, ControlClient.Failure>) -> Void
    ) -> ControlClient.Call {
        var request = request("/api/v1/events")
        request.headers.append(("Accept", "text/event-stream"))
        request.reusesConnection = false
        request.stream = ControlClient.Stream(silence: Self.silence, receive: receive)
        return client.send(request, ended)
    }

    private func request(_ path: String) -> ControlClient.Request {
        var request = ControlClient.Request(address.call, path: path)
        request.tls = tls
        request.credentials = credentials
        request.connectTimeout = Self.connectTime
        request.bodyLimit = Self.largestAnswer
        return request
    }

    private func wait(for request: ControlClient.Request) -> Result<ControlClient.Response, ControlClient.Failure>? {
        let answer = Answer()
        client.send(request) { result in
            answer.result.withLock { $0 = result }
            answer.isThere.signal()
        }
        answer.isThere.wait()
        return answer.result.withLock { $0 }
    }

    /// Who the environment says is calling.
    var user: String? { if case .basic(let user, _) = credentials { user } else { nil } }
}

/// What a thread waits for.
private final class Answer: Sendable {
    let result = Mutex<Result<ControlClient.Response, ControlClient.Failure>?>(nil)
    let isThere = DispatchSemaphore(value: 0)
}
