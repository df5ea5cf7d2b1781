@testable import ConfigFiles

/// An Ingress in text, for tests that vary a part of it.
struct IngressText {
    /// Lines below `annotations`, without the prefix; the first is on line 4.
    var annotations: [String] = []
    var name = "web"
    var host = "web.example.com"
    var path = "/"
    var type = "Prefix"
    var service = "web"
    /// Further manifests.
    var others = ""

    var yaml: String {
        let lines = annotations.map { "    nginx.ingress.kubernetes.io/\($0)\n" }.joined()
        return """
            apiVersion: networking.k8s.io/v1
            kind: Ingress
            metadata: { name: \(name), annotations: {\(annotations.isEmpty ? "} }" : "")
            \(annotations.isEmpty ? "" : lines.replacing("\n", with: ",\n") + "} }\n")spec:
              rules:
                - host: "\(host)"
                  http:
                    paths:
                      - path: \(path)
                        pathType: \(type)
                        backend: { service: { name: \(service), port: { number: 80 } } }
            \(others)
            """
    }

    /// What is said of it, but for the default size of bodies, and without places unless they are asked for.
    func said(withPlaces: Bool = false) throws -> [String] {
        let (outcome, lines) = try loaded()
        guard (outcome.gateway == nil) == lines.contains(where: { $0.contains(": error: ") }) else {
            return ["refused without an error, or the other way round"]
        }
        let told = lines.filter { !$0.contains("where 'proxy-body-size' is not written") }
        return withPlaces ? told : told.map { $0.split(separator: ": ", maxSplits: 1).last.map(String.init) ?? $0 }
    }

    func loaded() throws -> (outcome: ConfigurationLoader.Outcome, lines: [String]) {
        let scratch = try ScratchDirectory(["a.yaml": "listeners: [{ address: 127.0.0.1:8080 }]\n", "b.yaml": yaml])
        let outcome = scratch.load("")
        return (outcome, scratch.lines(outcome))
    }
}
