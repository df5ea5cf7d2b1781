import Configuration

/// Ingresses with the annotations of ingress-nginx.
///
/// What ingress-nginx makes of all of them together comes first: the paths of each host, from whichever Ingress, with their
/// canaries (`IngressHosts`). Each path then becomes one to three routes with the policies of its Ingress (`IngressRoutes`).
struct Ingresses {
    let conversion: ManifestConversion

    init(_ conversion: ManifestConversion) { self.conversion = conversion }

    /// In the order of matching: hosts before wildcards before any host, and the longer path of a host before the shorter.
    func routes() -> [Route] {
        let report = conversion.report
        let manifests = conversion.manifests.ofKinds(.ingress)
        let resources = manifests.compactMap { IngressReader(conversion, $0).resource() }
        var hosts = IngressHosts(report: report)
        var mains: [IngressResource] = []
        var canaries: [IngressResource] = []
        for resource in resources {
            if IngressCanary.isCanary(resource.annotations) {
                noteOfCanary(resource.annotations)
                canaries.append(resource)
            } else {
                AnnotationTable.check(resource.annotations)
                SnippetAdvice.refuse(resource.annotations)
                hosts.add(resource)
                mains.append(resource)
            }
        }
        for canary in canaries { hosts.addCanary(canary) }
        noteDefaultBodySize(mains)
        return IngressRoutes(conversion).routes(of: hosts.sorted())
    }

    /// The main Ingress has all but a few, and says what is wrong with its own.
    private func noteOfCanary(_ annotations: IngressAnnotations) {
        let ignored = annotations.names.filter { !AnnotationTable.ofCanaries.contains($0) }
        guard let first = ignored.first else { return }
        let others = ignored.count == 1 ? "" : " and \(ignored.count - 1) more"
        annotations.note(
            first, "'\(first)'\(others) of a canary do nothing, in ingress-nginx neither: its main Ingress has them")
    }

    /// Once, because it is the same for all.
    private func noteDefaultBodySize(_ resources: [IngressResource]) {
        guard
            let resource = resources.first(where: { !$0.policies.redirects && !$0.annotations.has("proxy-body-size") })
        else { return }
        conversion.report.note(
            resource.manifest.position,
            "where 'proxy-body-size' is not written, bodies above \(SizeText.format(IngressPolicies.defaultBodySize)) are "
                + "refused, as by ingress-nginx")
    }
}
