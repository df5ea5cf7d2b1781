import API
import Configuration
import ControlPlane
import HTTP
import Synchronization
import Telemetry

/// A call to the operator's side.
struct AdminRequest: Sendable {
    var method: Method
    var target: String
    var host: String
    var origin: String?
    var accept: String?
    var body: [UInt8] = []

    var path: String { String(target.prefix { $0 != "?" }) }
    /// Behind the question mark; empty without one.
    var query: String { String(target.drop { $0 != "?" }.dropFirst()) }
}

struct AdminResponse: Sendable {
    var status: Int
    var contentType = "application/json"
    var body: [UInt8]

    static func text(_ status: Int, _ text: String) -> AdminResponse {
        AdminResponse(status: status, contentType: "text/plain; charset=utf-8", body: Array("\(text)\n".utf8))
    }

    /// Messages are fixed texts and need no escaping.
    static func error(_ status: Int, _ message: String) -> AdminResponse {
        AdminResponse(status: status, body: Array("{\"error\":\"\(message)\"}\n".utf8))
    }

    var reason: String {
        switch status {
        case 200: "OK"
        case 400: "Bad Request"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 409: "Conflict"
        case 413: "Content Too Large"
        case 422: "Unprocessable Content"
        default: "Service Unavailable"
        }
    }
}

/// What the operator's side answers. `/metrics`, `/healthz` and `/readyz` are read-only and for everybody who can connect;
/// the rest is guarded against pages of other sites in the operator's browser.
final class AdminAPI: Sendable {
    private let plane: ControlPlane
    /// `nil` for the second listener, which has the read-only part alone.
    private let surface: AdminSurface?

    init(plane: ControlPlane, surface: AdminSurface?) {
        self.plane = plane
        self.surface = surface
    }

    /// - Parameter completion: called once, on any thread.
    func handle(_ request: AdminRequest, completion: @escaping @Sendable (AdminResponse) -> Void) {
        let path = request.path
        switch path {
        case "/healthz": completion(reading(request) ?? .text(200, "ok"))
        case "/readyz": completion(reading(request) ?? (plane.isReady ? .text(200, "ready") : .text(503, "not ready")))
        case "/metrics":
            if let refusal = reading(request) {
                completion(refusal)
                return
            }
            let format = ExpositionFormat.negotiate(accept: request.accept)
            plane.metrics(format) { completion(AdminResponse(status: 200, contentType: format.contentType, body: $0)) }
        default:
            guard let surface else {
                completion(.error(404, "only /metrics, /healthz and /readyz are served here"))
                return
            }
            handleAPI(request, path, surface, completion)
        }
    }

    private func handleAPI(
        _ request: AdminRequest, _ path: String, _ surface: AdminSurface,
        _ completion: @escaping @Sendable (AdminResponse) -> Void
    ) {
        guard OriginGuard(surface).allows(host: request.host, origin: request.origin) else {
            completion(.error(403, "this host or origin is not allowed; see admin.allowedHosts"))
            return
        }
        switch (request.method, path) {
        case (.get, "/api/v1/status"), (.head, "/api/v1/status"):
            plane.status { completion(AdminResponse(status: 200, body: AdminJSON.encode($0))) }
        case (.post, "/api/v1/reload"):
            guard let refusal = writing(surface) else {
                plane.reload("API") { report in
                    let status = report.outcome == .rejected ? 422 : 200
                    completion(AdminResponse(status: status, body: AdminJSON.encode(Status.Reload(report))))
                }
                return
            }
            completion(refusal)
        case (.post, "/api/v1/drain"), (.delete, "/api/v1/drain"):
            if let refusal = writing(surface) {
                completion(refusal)
            } else {
                drain(request, completion)
            }
        case (_, "/api/v1/status"), (_, "/api/v1/reload"), (_, "/api/v1/drain"):
            completion(.error(405, "this path has no such method"))
        default: completion(.error(404, "no such path"))
        }
    }

    private func drain(_ request: AdminRequest, _ completion: @escaping @Sendable (AdminResponse) -> Void) {
        let draining = request.method == .post
        let done = AdminResponse(status: 200, body: Array("{\"draining\":\(draining)}\n".utf8))
        switch DrainCall(query: request.query, body: request.body) {
        case .gateway:
            plane.setDraining(draining)
            completion(done)
        case .endpoint(let address, let backend):
            plane.setDraining(draining, endpoint: address, of: backend) { exists in
                completion(exists ? done : .error(404, "there is no such endpoint; /api/v1/status lists them"))
            }
        case nil:
            completion(.error(400, "write backend and endpoint, or nothing for the whole gateway"))
        }
    }

    private func reading(_ request: AdminRequest) -> AdminResponse? {
        request.method == .get || request.method == .head ? nil : .error(405, "this path is read with GET")
    }

    private func writing(_ surface: AdminSurface) -> AdminResponse? {
        surface.readOnly ? .error(403, "admin.readOnly is set") : nil
    }
}

/// Tells the operator's own calls from those a foreign page makes their browser send: by the `Host` the call names, which a
/// rebound name betrays, and by the `Origin` a browser adds.
struct OriginGuard {
    private let allowed: Set<String>

    init(_ surface: AdminSurface) {
        let own = surface.address.host.map(Self.bracketed)
        allowed = Set(["localhost", "127.0.0.1", "[::1]"] + [own].compactMap { $0 } + surface.allowedHosts)
    }

    func allows(host: String, origin: String?) -> Bool {
        guard allowed.contains(Self.name(host)) else { return false }
        guard let origin else { return true }
        for scheme in ["http://", "https://"] where origin.hasPrefix(scheme) {
            // The page's own address, port included: another port of this machine is another site.
            return origin.dropFirst(scheme.count).lowercased() == host.lowercased()
        }
        return false
    }

    private static func bracketed(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }

    /// Without the port, in lower case.
    private static func name(_ host: String) -> String {
        let host = host.lowercased()
        if host.hasPrefix("["), let end = host.firstIndex(of: "]") { return String(host[...end]) }
        return String(host.prefix { $0 != ":" })
    }
}
