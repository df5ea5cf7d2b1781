import Configuration

/// Istio's VirtualServices.
struct VirtualServices {
    let conversion: ManifestConversion

    init(_ conversion: ManifestConversion) { self.conversion = conversion }

    /// In the order of matching.
    func routes() -> [Route] {
        for manifest in conversion.manifests.ofKinds(.virtualService) {
            conversion.report.error(manifest.position, "a VirtualService is not supported yet, write native routes")
        }
        return []
    }
}
