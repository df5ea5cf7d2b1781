import Configuration
import Foundation
import Testing

@testable import ConfigFiles

/// Weights of routes that come from Kubernetes manifests are written into the manifest.
@Suite struct ManifestWeightTests {
    private func path(_ text: String, _ scratch: ScratchDirectory) throws -> String {
        try scratch.write(Array(text.utf8), to: "sluice.yaml")
        return scratch.path + "/sluice.yaml"
    }

    private func edited(
        _ text: String, _ route: String, _ weights: [String: Int]
    ) throws -> Edited {
        let scratch = try ScratchDirectory()
        return try #require(try Edited(path: path(text, scratch), route, weights))
    }

    private func refusal(_ text: String, _ route: String, _ weights: [String: Int]) throws -> String? {
        let scratch = try ScratchDirectory()
        let path = try path(text, scratch)
        #expect(scratch.load().gateway != nil, "\(scratch.lines(scratch.load()))")
        do throws(WeightEditor.Failure) {
            _ = try Edited(path: path, route, weights)
            return nil
        } catch {
            return error.message.replacingOccurrences(of: scratch.path + "/", with: "")
        }
    }

    private static let virtualService = """
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: { name: infer, namespace: ml }
        spec:
          hosts: [infer.example.com, "*.example.com"]
          http:
          - name: split
            route:
            - destination:
                host: stable
                port: { number: 8000 } # v2
            - destination: { host: canary, port: { number: 8000 } }
              weight: 20
              headers: { request: { set: { x-side: canary } } }
            - headers: {}
              destination:
                host: third
                port:
                  number: 8000
        """

    @Test func virtualService() throws {
        let edited = try edited(Self.virtualService, "ml/infer/split", ["stable": 70, "canary": 25, "third": 5])
        #expect(
            edited.text
                == Self.virtualService
                .replacingOccurrences(of: "# v2\n", with: "# v2\n      weight: 70\n")
                .replacingOccurrences(of: "weight: 20", with: "weight: 25")
                .replacingOccurrences(of: "headers: {}\n", with: "headers: {}\n      weight: 5\n"))
        #expect(edited.weights(of: "ml/infer/split") == [70, 25, 5])
        #expect(edited.edit.changes[0].before == ["stable": 0, "canary": 20, "third": 0])
    }

    /// Hosts of another VirtualService come between those of this one, so its rule becomes two routes: both follow.
    @Test func oneRuleThatBecomesTwoRoutes() throws {
        let other = """

            ---
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: { name: other, namespace: ml }
            spec:
              hosts: ["*.a.example.com"]
              http: [{ route: [{ destination: { host: stable, port: { number: 8000 } } }] }]
            """
        let edited = try edited(Self.virtualService + other, "ml/infer/split", ["stable": 70])
        #expect(edited.edit.changes.map(\.route) == ["ml/infer/split", "ml/infer/split-2"])
        #expect(edited.weights(of: "ml/infer/split-2") == [70, 20, 0])
        let again = try self.edited(Self.virtualService + other, "ml/infer/split-2", ["third": 1])
        #expect(again.weights(of: "ml/infer/split") == [0, 20, 1])
    }

    @Test func aLoneDestination() throws {
        let text = """
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: { name: infer }
            spec: { http: [{ route: [{ destination: { host: stable, port: { number: 80 } }, weight: 100 }] }] }
            """
        #expect(
            try refusal(text, "default/infer/0", ["stable": 5])
                == "a lone destination of a VirtualService gets everything: write a second one beside it")
    }

    @Test func httpRoute() throws {
        let text = """
            kind: HTTPRoute
            apiVersion: gateway.networking.k8s.io/v1
            metadata:
              name: infer
            spec:
              rules:
                - backendRefs:
                    - name: stable
                      port: 80
                    - {name: canary, port: 80}
                    - name: third
                      port: 80
                      weight:   # to be decided
                    - { name: fourth, port: 80, weight: null }
            """
        let edited = try edited(
            text, "default/infer/0", ["stable": 90, "canary": 8, "third": 2, "fourth": 0])
        #expect(
            edited.text
                == text
                .replacingOccurrences(
                    of: "stable\n          port: 80\n", with: "stable\n          port: 80\n          weight: 90\n"
                )
                .replacingOccurrences(of: "port: 80}", with: "port: 80, weight: 8}")
                .replacingOccurrences(of: "weight:   #", with: "weight: 2   #")
                .replacingOccurrences(of: "weight: null", with: "weight: 0"))
    }

    /// As `kubectl get -o json` prints it, tabs and all.
    @Test func grpcRouteInJSON() throws {
        let text = """
            {
            \t"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GRPCRoute",
            \t"metadata": { "name": "infer" },
            \t"spec": { "rules": [ { "backendRefs": [
            \t\t{
            \t\t\t"name": "stable",
            \t\t\t"port": 8001
            \t\t},
            \t\t{ "name": "canary", "port": 8001, "weight": 1 }, {"name":"third","port":8001}
            \t] } ] }
            }
            """
        let edited = try edited(text, "default/infer/0", ["stable": 7, "canary": 2, "third": 3])
        #expect(
            edited.text
                == text
                .replacingOccurrences(
                    of: "\"port\": 8001\n\t\t}", with: "\"port\": 8001,\n\t\t\t\"weight\": 7\n\t\t}"
                )
                .replacingOccurrences(of: "\"weight\": 1 }", with: "\"weight\": 2 }")
                .replacingOccurrences(of: "\"port\":8001}", with: "\"port\":8001, \"weight\": 3}"))
    }

    private static func ingress(_ annotations: String) -> String {
        """
        apiVersion: networking.k8s.io/v1
        kind: Ingress
        metadata: { name: infer }
        spec:
          rules:
            - host: infer.example.com
              http: &paths
                paths:
                  - { path: /v2, pathType: Prefix, backend: { service: { name: stable, port: { number: 80 } } } }
                  - { path: /v1, pathType: Prefix, backend: { service: { name: old, port: { number: 80 } } } }
        ---
        apiVersion: networking.k8s.io/v1
        kind: Ingress
        metadata:
          name: infer-canary
          annotations:
            nginx.ingress.kubernetes.io/canary: "true"
        \(annotations)
        spec:
          rules:
            - host: infer.example.com
              http:
                paths:
                  - { path: /v2, pathType: Prefix, backend: { service: { name: canary, port: { number: 80 } } } }
                  - { path: /v1, pathType: Prefix, backend: { service: { name: canary, port: { number: 80 } } } }
        """
    }

    private static let weight = "    nginx.ingress.kubernetes.io/canary-weight: \"20\" # of 100"

    /// The two paths of the Ingress have one canary, and so one weight.
    @Test func ingress() throws {
        let text = Self.ingress(Self.weight)
        let edited = try edited(text, "default/infer/0", ["stable": 65, "canary": 35])
        #expect(edited.text == text.replacingOccurrences(of: "\"20\"", with: "\"35\""))
        #expect(edited.edit.changes.map(\.route) == ["default/infer/0", "default/infer/1"])
        #expect(edited.weights(of: "default/infer/1") == [65, 35])
    }

    /// Weights of the same ratio as parts of the total.
    @Test func scaledToTheTotal() throws {
        let scaled = try edited(Self.ingress(Self.weight), "default/infer/0", ["stable": 3, "canary": 1])
        #expect(scaled.weights(of: "default/infer/0") == [75, 25])
        #expect(scaled.edit.changes[0].after == ["stable": 75, "canary": 25])
        let total = "\n    nginx.ingress.kubernetes.io/canary-weight-total: \"1000\""
        let exact = try edited(
            Self.ingress(Self.weight + total), "default/infer/0", ["stable": 995, "canary": 5])
        #expect(exact.weights(of: "default/infer/0") == [995, 5] && exact.text.contains("canary-weight: \"5\" #"))
        #expect(
            try refusal(Self.ingress(Self.weight), "default/infer/0", ["stable": 2, "canary": 1])
                == "an Ingress says weights as parts of 100 ('canary-weight-total'): give 'stable' and 'canary' weights "
                + "that add up to 100")
        #expect(try refusal(Self.ingress(Self.weight), "default/infer/0", ["canary": 30]) != nil)
        #expect(try refusal(Self.ingress(Self.weight), "default/infer/0", ["stable": 4, "canary": 1]) == nil)
    }

    @Test func anIngressWithoutAWeight() throws {
        let header = "    nginx.ingress.kubernetes.io/canary-by-header: x-canary"
        #expect(
            try refusal(Self.ingress(header), "default/infer/0", ["stable": 7])
                == "route 'default/infer/0' has no weights in its manifest: give it a second destination")
    }
}
