import Configuration

extension ConfigurationLoader.Outcome {
    /// Writes the gateway of this outcome, and says in comments where it came from.
    ///
    /// - Parameter files: as they were named when it was loaded.
    package func writer(from files: [String]) -> GatewayWriter {
        var writer = GatewayWriter(paths: self.files)
        let names = files.map { $0.split(separator: "/").last.map(String.init) ?? $0 }
        let sources = names.count > Self.longestList ? "\(names.count) files" : Wording.list(names, "and")
        writer.heading = ["Converted by 'sluice convert' from \(Self.printable(sources))."]
        if gateway?.listeners.isEmpty == true {
            writer.heading += [
                "To be served it needs a listener, here or in another file of its directory:", "",
                "listeners:", "  - address: 0.0.0.0:8080",
            ]
        }
        writer.routeComments = comments
        return writer
    }

    /// Each object once, where its routes begin.
    private var comments: [String: [String]] {
        var comments: [String: [String]] = [:]
        var latest: ManifestOrigin?
        for route in gateway?.routes ?? [] {
            let origin = origins[route.name]
            if let origin, origin != latest { comments[route.name] = ["\(origin.kind) \(origin.name)"] }
            latest = origin
        }
        return comments
    }

    /// More names than these are counted instead.
    private static let longestList = 5

    /// A name of a file may hold anything but a slash, and a comment ends with its line.
    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : $0 }))
    }
}
