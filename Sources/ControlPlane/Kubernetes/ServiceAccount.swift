import Configuration
import EventLoop
import Glibc

/// Who the gateway is to the Kubernetes API, as every pod is told
/// (kubernetes.io/docs/tasks/run-application/access-api-from-pod).
///
/// The token in the file is replaced every hour or so, and the authorities with the cluster's own, so both are read for each
/// call.
struct ServiceAccount: Sendable {
    let address: HostPort
    private let directory: String

    /// Where the kubelet puts the files.
    private static let standardDirectory = "/var/run/secrets/kubernetes.io/serviceaccount"

    /// - Returns: `nil` where the process is in no pod, or has been given no account.
    init?() {
        func variable(_ name: String) -> String? {
            getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
        }
        guard let host = variable("KUBERNETES_SERVICE_HOST"),
            let port = UInt16(variable("KUBERNETES_SERVICE_PORT") ?? "443"), port > 0
        else { return nil }
        address = HostPort(host: host, port: port)
        directory = variable("SLUICE_SERVICEACCOUNT") ?? Self.standardDirectory
        guard access("\(directory)/token", F_OK) == 0 else { return nil }
    }

    /// `nil` where it cannot be read, and nobody is said to call then.
    var token: String? { text("token") }

    /// PEM; `nil` means the system's.
    var authorities: [UInt8]? { text("ca.crt").map { Array($0.utf8) } }

    private func text(_ name: String) -> String? {
        guard let text = Machine.readSmallFile("\(directory)/\(name)") else { return nil }
        let bytes = text.utf8.drop { $0 <= 0x20 }
        guard let last = bytes.lastIndex(where: { $0 > 0x20 }) else { return nil }
        return String(Substring(bytes[...last]))
    }
}
