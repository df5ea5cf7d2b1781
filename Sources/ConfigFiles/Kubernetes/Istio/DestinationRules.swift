import Configuration

/// Istio's DestinationRules: how the backends of a service are used.
struct DestinationRules {
    init(_ conversion: ManifestConversion) {
        for manifest in conversion.manifests.ofKinds(.destinationRule) {
            conversion.report.error(manifest.position, "a DestinationRule is not supported yet, leave it out")
        }
    }

    func apply(_ service: ServiceReference, to backend: inout Backend) {}

    func warnAboutUnused() {}
}
