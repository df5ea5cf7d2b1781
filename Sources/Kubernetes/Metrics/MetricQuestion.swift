package import Base

/// A question for a metric, with what it says in its query.
package struct MetricQuestion: Sendable {
    package var path: MetricPath
    /// Which pods.
    package var labels: LabelSelector
    package var model: ModelChoice?

    /// - Parameter query: its parameters, decoded; those that mean nothing here are passed over.
    package init(_ path: MetricPath, query: [String: String]) throws(StatusAnswer) {
        self.path = path
        labels = try Self.selector("labelSelector", query)
        model = try Self.model(Self.selector("metricLabelSelector", query))
    }

    private static func selector(_ key: String, _ query: [String: String]) throws(StatusAnswer) -> LabelSelector {
        do throws(LabelSelector.Malformed) {
            return try LabelSelector(query[key] ?? "")
        } catch {
            throw .badRequest("unable to parse \(key): \(error.message)")
        }
    }

    /// `model=NAME`, with or without `version=V`.
    private static func model(_ selector: LabelSelector) throws(StatusAnswer) -> ModelChoice? {
        guard !selector.requirements.isEmpty else { return nil }
        let keys = selector.requirements.map(\.key)
        guard let name = selector.value(of: "model"), Set(keys).count == keys.count,
            keys.allSatisfy({ selector.value(of: $0) != nil && ($0 == "model" || $0 == "version") })
        else {
            throw .badRequest("metricLabelSelector chooses a model: write model=NAME or model=NAME,version=1")
        }
        return ModelChoice(name: name, version: selector.value(of: "version"))
    }

    /// - Parameter time: RFC 3339 of a point on the monotonic clock; of now where there is none.
    package func answer(_ picture: ScalePicture, time: (Instant?) -> String) throws(StatusAnswer) -> MetricValueList {
        guard let metric = ScaleMetric(rawValue: path.metric) else { throw notFound }
        var items: [MetricValueList.Item] = []
        func add(_ kind: String, _ name: String, _ numbers: ScaleNumbers, isEmpty: Bool = false) {
            guard let value = numbers.value(of: metric) ?? (isEmpty && metric != .gpuUtilization ? 0 : nil) else {
                return
            }
            items.append(
                .init(
                    object: .init(kind: kind, namespace: kind == "Namespace" ? nil : path.namespace, name: name),
                    metric: path.metric, timestamp: time(numbers.readAt),
                    windowSeconds: Int(clamping: (numbers.window.count + 500_000_000) / 1_000_000_000),
                    value: Quantity(value)))
        }
        switch path.objects {
        case .allPods:
            for pod in picture.pods(in: path.namespace, labels, model: model) { add("Pod", pod.name, pod.numbers) }
            return MetricValueList(version: path.version, items: items)
        case .pod(let name):
            let pods = picture.pods(in: path.namespace, labels, model: model)
            if let pod = pods.first(where: { $0.name == name }) { add("Pod", name, pod.numbers) }
        case .service(let name):
            if let found = picture.service(name, in: path.namespace, model: model) {
                add("Service", name, found.numbers, isEmpty: found.isEmpty)
            }
        case .namespace:
            add("Namespace", path.namespace, picture.all(in: path.namespace, model: model))
        case .other: break
        }
        // Who asks for one object takes none for an error, and a number that is not known is better none than 0.
        guard !items.isEmpty else { throw notFound }
        return MetricValueList(version: path.version, items: items)
    }

    /// As servers of custom metrics say it.
    private var notFound: StatusAnswer {
        let (resource, name): (String, String) =
            switch path.objects {
            case .allPods: ("pods", "")
            case .pod(let name): ("pods", name)
            case .service(let name): ("services", name)
            case .namespace: ("namespaces", path.namespace)
            case .other(let resource, let name): (resource, name)
            }
        return .notFound(
            "the server could not find the metric \(path.metric) for \(resource)\(name.isEmpty ? "" : " \(name)")",
            name: name.isEmpty ? path.metric : name, kind: resource, group: CustomMetricsVersion.group)
    }
}
