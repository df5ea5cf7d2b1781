import Configuration

/// HTTPRoutes and GRPCRoutes of the Gateway API.
struct GatewayAPIRoutes {
    let conversion: ManifestConversion

    init(_ conversion: ManifestConversion) { self.conversion = conversion }

    /// In the order of matching.
    func routes() -> [Route] {
        for manifest in conversion.manifests.ofKinds(.httpRoute, .grpcRoute) {
            conversion.report.error(
                manifest.position, "a \(manifest.kind.rawValue) is not supported yet, write native routes")
        }
        return []
    }
}
