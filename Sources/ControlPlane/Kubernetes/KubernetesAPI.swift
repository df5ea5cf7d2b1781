import Base
import Configuration
package import ControlClient
package import Dispatch
import Foundation
import Kubernetes

/// The Kubernetes API of the cluster that the gateway runs in, called with the pod's service account.
package final class KubernetesAPI: Sendable {
    /// Why a call came to nothing.
    package struct Failure: Error, Sendable, CustomStringConvertible {
        /// Of the answer; `nil` where there was none.
        package var status: Int?
        /// A sentence for an operator.
        package var description: String
        /// What was to be gone on from is known no more.
        package var isExpired = false
    }

    package typealias Completion = @Sendable (Result<ControlClient.Response, Failure>) -> Void

    private let account: ServiceAccount
    private let client: ControlClient

    /// For connection and handshake: the API is near, but its own start may take a moment.
    private static let connectTimeout = Duration.seconds(5)
    /// For everything but a watch. The API server itself gives up after a minute.
    private static let timeout = Duration.seconds(15)
    /// Of an answer in one piece: a page of pods with long annotations has some megabytes.
    private static let answerLimit = 16 << 20
    /// Of what a `Status` says; it quotes what was asked for.
    private static let longestQuote = 300

    /// - Parameter queue: a serial queue, on which answers come.
    /// - Returns: `nil` where the process is in no pod of a cluster, or there is no descriptor left.
    package init?(queue: DispatchQueue) {
        guard let account = ServiceAccount(),
            let client = ControlClient(label: "sluice.kubernetes.client", answers: queue)
        else { return nil }
        self.account = account
        self.client = client
    }

    /// Ends all calls that are under way.
    package func close() { client.close() }

    /// Begins a call. Safe from any thread.
    ///
    /// - Parameters:
    ///   - path: with its query, percent-encoded.
    ///   - contentType: of the body, such as `application/merge-patch+json`.
    ///   - completion: called once, later, on the queue of `init`, with an answer of status 200...299 or why there is none.
    @discardableResult
    package func send(
        _ method: String, _ path: String, body: [UInt8]? = nil, contentType: String? = nil,
        accept: String = "application/json", completion: @escaping Completion
    ) -> ControlClient.Call {
        var request = request(method, path, accept: accept)
        request.body = body
        if let contentType { request.headers.append(("Content-Type", contentType)) }
        return client.send(request) { completion(Self.judge($0)) }
    }

    /// Begins a call whose answer goes on.
    ///
    /// - Parameters:
    ///   - silence: how long nothing may come.
    ///   - receive: gets each piece of a good answer, before the completion.
    func watch(
        _ path: String, accept: String, silence: Duration, receive: @escaping @Sendable ([UInt8]) -> Void,
        completion: @escaping Completion
    ) -> ControlClient.Call {
        var request = request("GET", path, accept: accept)
        request.stream = .init(silence: silence, receive: receive)
        return client.send(request) { completion(Self.judge($0)) }
    }

    private func request(_ method: String, _ path: String, accept: String) -> ControlClient.Request {
        var request = ControlClient.Request(.tcp(account.address), path: path)
        request.method = method
        request.headers = [("Accept", accept)]
        if let token = account.token { request.headers.append(("Authorization", "Bearer \(token)")) }
        var tls = BackendTLS()
        tls.authorities = account.authorities
        request.tls = tls
        request.connectTimeout = Self.connectTimeout
        request.timeout = Self.timeout
        request.bodyLimit = Self.answerLimit
        return request
    }

    private static func judge(
        _ result: Result<ControlClient.Response, ControlClient.Failure>
    ) -> Result<ControlClient.Response, Failure> {
        switch result {
        case .failure(let failure): return .failure(Failure(status: nil, description: failure.description))
        case .success(let response):
            guard !(200..<300 ~= response.status) else { return .success(response) }
            let status = try? JSONDecoder().decode(StatusAnswer.self, from: Data(response.body))
            let words = status.map { quoted($0.message) } ?? ""
            return .failure(
                Failure(
                    status: response.status,
                    description: "the Kubernetes API answered \(response.status)" + (words.isEmpty ? "" : ": \(words)"),
                    isExpired: response.status == 410 || status?.isExpired == true))
        }
    }

    /// Fit for one line of a log.
    static func quoted(_ text: String) -> String {
        let shown = text.unicodeScalars.prefix(longestQuote).map { scalar in
            scalar.properties.generalCategory == .control ? " " : String(scalar)
        }
        return shown.joined() + (text.unicodeScalars.count > longestQuote ? "…" : "")
    }
}
