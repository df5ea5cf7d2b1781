/// What a path of the server of custom metrics stands for.
package enum CustomMetricsCall: Equatable, Sendable {
    /// Whether it runs, for whoever asks.
    case alive
    /// Whether it is to be asked.
    case ready
    case version, openAPI2, openAPI3, groups, group
    case resources(CustomMetricsVersion)
    case values(MetricPath)

    /// - Parameter elements: those of the path, decoded.
    package init?(_ elements: [String]) {
        switch elements {
        case ["healthz"], ["livez"]: self = .alive
        case ["readyz"]: self = .ready
        case ["version"]: self = .version
        case ["openapi", "v2"]: self = .openAPI2
        case ["openapi", "v3"]: self = .openAPI3
        case ["apis"]: self = .groups
        case ["apis", CustomMetricsVersion.group]: self = .group
        default:
            guard elements.count > 2, elements[0] == "apis", elements[1] == CustomMetricsVersion.group,
                let version = CustomMetricsVersion(rawValue: elements[2])
            else { return nil }
            let rest = Array(elements.dropFirst(3))
            if rest.isEmpty {
                self = .resources(version)
            } else if let path = MetricPath(version, rest) {
                self = .values(path)
            } else {
                return nil
            }
        }
    }
}

/// Of which objects a metric is asked for.
package struct MetricPath: Equatable, Sendable {
    package enum Objects: Equatable, Sendable {
        case allPods
        case pod(String)
        case service(String)
        /// The namespace as a whole.
        case namespace
        /// Of a kind that has no metrics here.
        case other(resource: String, name: String)
    }

    package var version: CustomMetricsVersion
    package var namespace: String
    package var objects: Objects
    package var metric: String

    /// - Parameter elements: behind the version.
    init?(_ version: CustomMetricsVersion, _ elements: [String]) {
        guard elements.allSatisfy({ !$0.isEmpty }) else { return nil }
        self.version = version
        switch elements.count {
        // namespaces/NS/metrics/METRIC
        case 4 where elements[0] == "namespaces" && elements[2] == "metrics":
            (namespace, objects, metric) = (elements[1], .namespace, elements[3])
        // namespaces/NS/RESOURCE/NAME/METRIC
        case 5 where elements[0] == "namespaces":
            (namespace, metric) = (elements[1], elements[4])
            let name = elements[3]
            switch (elements[2], name) {
            case ("pods", "*"): objects = .allPods
            case ("pods", _): objects = .pod(name)
            case ("services", _): objects = .service(name)
            case (let resource, _): objects = .other(resource: resource, name: name)
            }
        // RESOURCE/NAME/METRIC, of what is in no namespace
        case 3 where elements[0] == "namespaces":
            (namespace, objects, metric) = (elements[1], .namespace, elements[2])
        case 3:
            (namespace, metric) = ("", elements[2])
            objects = .other(resource: elements[0], name: elements[1])
        default: return nil
        }
    }
}
