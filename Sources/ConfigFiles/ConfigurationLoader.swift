package import Configuration

/// Reads YAML files into the one configuration model, and finds everything wrong with them in one pass.
package enum ConfigurationLoader {
    /// What came of it.
    package struct Outcome: Sendable {
        /// `nil` if any diagnostic is an error.
        package var gateway: Gateway?
        /// Sorted by file in the order of reading, then by line and column; at most 500 errors and 100 warnings.
        package var diagnostics: [Diagnostic]
        /// 16 hexadecimal digits over all bytes that were read, users files included.
        package var hash: String
        /// Absolute paths of every file and directory whose change matters: the configuration file, or the directory and its
        /// files, and all users and certificate files, those that are missing too.
        package var watched: [String]
        /// Absolute paths of the certificates, keys and authorities that the gateway holds, by what is in them.
        package var files: [[UInt8]: String]
        /// Where routes come from that manifests were turned into, by their names.
        package var origins: [String: ManifestOrigin]
        /// Where the weights of routes that forward are written, by their names.
        package var weightPlaces: [String: WeightPlace]
        package var fingerprint: SourceFingerprint
    }

    /// An outcome and what it was made of.
    struct Loaded {
        var outcome: Outcome
        var report: Report
        var sources: SourceFiles
        var weights: WeightTable
    }

    /// What it is loaded for.
    package enum Purpose: Sendable {
        /// To look at it: manifests alone are enough.
        case inspection
        /// To run it: something has to listen.
        case service
    }

    /// Loads a file, or the `.yaml` and `.yml` files of a directory in file-name order. Blocks on the file system; never traps on
    /// what the files hold.
    package static func load(path: String, for purpose: Purpose = .inspection) -> Outcome {
        load(paths: [path], for: purpose)
    }

    /// Loads several files or directories as if they were one.
    package static func load(paths: [String], for purpose: Purpose = .inspection) -> Outcome {
        read(paths: paths, for: purpose).outcome
    }

    /// - Parameter overlay: what to take for the contents of configuration files, by their paths as they are read.
    static func read(
        paths: [String], for purpose: Purpose, overlay: [String: [UInt8]] = [:]
    ) -> Loaded {
        let report = Report()
        let sources = SourceFiles(report: report, overlay: overlay)
        let weights = WeightTable()
        var top = TopLevel(report: report)
        for (file, bytes) in paths.flatMap(sources.configuration) {
            guard let documents = YAMLReader.documents(of: bytes, file: file, report: report) else {
                sources.isIncomplete = true
                continue
            }
            for document in documents where !top.add(document) { sources.isIncomplete = true }
        }
        var origins: [String: ManifestOrigin] = [:]
        let gateway = gateway(top, sources, purpose, report, weights, &origins)
        if gateway == nil, !report.hasErrors {
            let file = report.add(file: paths.first ?? "")
            report.error(
                Position(file: file, line: 1, column: 1),
                "the configuration is empty, write at least 'listeners', 'backends' and 'routes'")
        }
        let outcome = Outcome(
            gateway: report.hasErrors ? nil : gateway, diagnostics: report.sorted(), hash: sources.contentHash,
            watched: sources.watched, files: sources.paths, origins: origins,
            weightPlaces: report.hasErrors ? [:] : weights.places(report),
            fingerprint: SourceFingerprint(contents: sources.contents, listings: sources.listings))
        return Loaded(outcome: outcome, report: report, sources: sources, weights: weights)
    }

    /// `nil` if nothing was written at all.
    private static func gateway(
        _ top: TopLevel, _ sources: SourceFiles, _ purpose: Purpose, _ report: Report, _ weights: WeightTable,
        _ origins: inout [String: ManifestOrigin]
    ) -> Gateway? {
        let reader = GatewayReader(
            report: report, sources: sources, weights: weights, hasManifests: !top.manifests.isEmpty)
        let native = top.merged.map(reader.gateway)
        guard let first = top.manifests.first else { return native }
        var gateway = native ?? Gateway()
        let conversion = ManifestConversion(
            top.manifests, sources: sources, weights: weights, native: gateway, report: report)
        conversion.add(to: &gateway)
        origins = conversion.origins
        if top.merged?.names("listeners") != true, !sources.isIncomplete {
            let message =
                "there is no listener, write 'listeners: [{ address: 0.0.0.0:8080 }]' in a file beside the manifests"
            switch purpose {
            case .inspection: report.note(first, message)
            case .service: report.error(first, message)
            }
        }
        return gateway
    }
}
