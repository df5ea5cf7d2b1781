/// The versions of `custom.metrics.k8s.io` (kubernetes.io/docs/reference/external-api/custom-metrics.v1beta2).
package enum CustomMetricsVersion: String, Sendable, CaseIterable {
    case v1beta1, v1beta2

    package static let group = "custom.metrics.k8s.io"

    /// Which one clients take that have no preference.
    package static let preferred = v1beta2

    package var groupVersion: String { "\(Self.group)/\(rawValue)" }
}

/// Numbers of objects, as autoscalers read them.
package struct MetricValueList: Encodable, Sendable, Equatable {
    package var version: CustomMetricsVersion
    package var items: [Item]

    package init(version: CustomMetricsVersion, items: [Item]) {
        self.version = version
        self.items = items
    }

    package struct Item: Sendable, Equatable {
        package var object: ObjectReference
        package var metric: String
        /// RFC 3339, to the second.
        package var timestamp: String
        /// Seconds that the number is about; 0 for a number of one moment.
        package var windowSeconds: Int
        package var value: Quantity

        package init(
            object: ObjectReference, metric: String, timestamp: String, windowSeconds: Int, value: Quantity
        ) {
            self.object = object
            self.metric = metric
            self.timestamp = timestamp
            self.windowSeconds = windowSeconds
            self.value = value
        }
    }

    package struct ObjectReference: Encodable, Sendable, Equatable {
        package var kind: String
        /// `nil` for one that is in no namespace.
        package var namespace: String?
        package var name: String
        package var apiVersion = "/v1"

        package init(kind: String, namespace: String?, name: String) {
            self.kind = kind
            self.namespace = namespace
            self.name = name
        }
    }

    private enum Keys: String, CodingKey {
        case kind, apiVersion, metadata, items
        case describedObject, metricName, metric, timestamp, window, windowSeconds, value, selector, name
    }

    private struct Nothing: Encodable {}

    package func encode(to encoder: any Encoder) throws {
        var list = encoder.container(keyedBy: Keys.self)
        try list.encode("MetricValueList", forKey: .kind)
        try list.encode(version.groupVersion, forKey: .apiVersion)
        try list.encode(Nothing(), forKey: .metadata)
        var all = list.nestedUnkeyedContainer(forKey: .items)
        for item in items {
            var entry = all.nestedContainer(keyedBy: Keys.self)
            try entry.encode(item.object, forKey: .describedObject)
            try entry.encode(item.timestamp, forKey: .timestamp)
            try entry.encode(item.value, forKey: .value)
            switch version {
            case .v1beta1:
                try entry.encode(item.metric, forKey: .metricName)
                try entry.encodeNil(forKey: .selector)
                if item.windowSeconds > 0 { try entry.encode(item.windowSeconds, forKey: .window) }
            case .v1beta2:
                var metric = entry.nestedContainer(keyedBy: Keys.self, forKey: .metric)
                try metric.encode(item.metric, forKey: .name)
                try metric.encodeNil(forKey: .selector)
                if item.windowSeconds > 0 { try entry.encode(item.windowSeconds, forKey: .windowSeconds) }
            }
        }
    }
}
