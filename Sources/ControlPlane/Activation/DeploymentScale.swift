import ControlClient
import Foundation

/// The scale of a Deployment, as `activate.kubernetes` changes it: from 0 to 1, and to 0
/// (kubernetes.io/docs/reference/kubernetes-api/workload-resources/deployment-v1, "scale").
///
/// Unchecked: it belongs to the control queue, on which answers come.
final class DeploymentScale: @unchecked Sendable {
    private let api: KubernetesAPI?
    private let path: String
    private let place: String

    /// - Parameter api: `nil` where the process is in no pod of a cluster.
    init(namespace: String, deployment: String, api: KubernetesAPI?) {
        self.api = api
        // The configuration is checked: both are names of the cluster.
        path = "/apis/apps/v1/namespaces/\(namespace)/deployments/\(deployment)/scale"
        place = "the Deployment \(namespace)/\(deployment)"
    }

    /// Sees to it that there is at least one pod.
    ///
    /// - Parameter done: gets why that cannot be, or `nil` where the cluster will see to it.
    func wake(_ done: @escaping @Sendable (_ problem: String?) -> Void) {
        guard let api else {
            done(noCluster)
            return
        }
        api.send("GET", path) { [self] result in
            switch result {
            case .failure(let failure): done("\(place) cannot be looked at: \(failure)")
            case .success(let response):
                guard let replicas = Self.replicas(response.body) else {
                    done("the scale of \(place) cannot be read")
                    return
                }
                if replicas > 0 { done(nil) } else { set(1, done) }
            }
        }
    }

    func sleep(_ done: @escaping @Sendable (_ problem: String?) -> Void) {
        if api == nil { done(noCluster) } else { set(0, done) }
    }

    private func set(_ replicas: Int, _ done: @escaping @Sendable (_ problem: String?) -> Void) {
        let body = Array(#"{"spec":{"replicas":\#(replicas)}}"#.utf8)
        api?.send("PATCH", path, body: body, contentType: "application/merge-patch+json") { [place] result in
            switch result {
            case .failure(let failure): done("\(place) cannot be scaled to \(replicas): \(failure)")
            case .success: done(nil)
            }
        }
    }

    private var noCluster: String {
        "\(place) cannot be reached: the gateway runs in no pod with a service account"
    }

    private struct Scale: Decodable {
        struct Spec: Decodable {
            /// Left out where it is 0.
            var replicas: Int?
        }
        var spec: Spec
    }

    static func replicas(_ body: [UInt8]) -> Int? {
        guard let scale = try? JSONDecoder().decode(Scale.self, from: Data(body)) else { return nil }
        return scale.spec.replicas ?? 0
    }
}
