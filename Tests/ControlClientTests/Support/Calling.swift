import ControlClient
import Dispatch
import Testing

typealias CallResult = Result<ControlClient.Response, ControlClient.Failure>

func makeClient() throws -> ControlClient {
    try #require(ControlClient(label: "client", answers: DispatchQueue(label: "answers")))
}

extension ControlClient {
    func call(_ request: Request) async -> CallResult {
        await withCheckedContinuation { continuation in
            send(request) { continuation.resume(returning: $0) }
        }
    }

    /// GET / of a test server.
    func get(_ address: Address, _ change: (inout Request) -> Void = { _ in }) async -> CallResult {
        var request = Request.root(of: address)
        change(&request)
        return await call(request)
    }

    func probe(_ probe: HealthProbe) async -> HealthProbeResult {
        await withCheckedContinuation { continuation in
            probe.run(with: self) { continuation.resume(returning: $0) }
        }
    }
}

extension ControlClient.Request {
    /// GET / with time for a machine on which all other tests run at once.
    static func root(of address: ControlClient.Address) -> ControlClient.Request {
        var request = ControlClient.Request(address, path: "/")
        request.connectTimeout = ample
        request.timeout = ample
        return request
    }
}

extension CallResult {
    var failure: ControlClient.Failure? { if case .failure(let failure) = self { failure } else { nil } }
    var response: ControlClient.Response? { try? get() }
}

/// The limit where a test waits for what does not come. Short, and long enough for a busy machine to do the rest.
let patience = Duration.milliseconds(500)
/// The limit where it is not to be reached.
let ample = Duration.seconds(300)
