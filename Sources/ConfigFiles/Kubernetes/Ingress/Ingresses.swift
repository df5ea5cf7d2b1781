import Configuration

/// Ingresses with the annotations of ingress-nginx.
struct Ingresses {
    let conversion: ManifestConversion

    init(_ conversion: ManifestConversion) { self.conversion = conversion }

    /// In the order of matching.
    func routes() -> [Route] {
        for manifest in conversion.manifests.ofKinds(.ingress) {
            conversion.report.error(manifest.position, "an Ingress is not supported yet, write native routes")
        }
        return []
    }
}
