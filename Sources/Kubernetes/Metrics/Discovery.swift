import Base

/// What a server of the API says of itself, so that others know what it has
/// (kubernetes.io/docs/concepts/overview/kubernetes-api: discovery).
package enum Discovery {
    package struct GroupVersion: Encodable, Sendable, Equatable {
        package var groupVersion: String
        package var version: String

        fileprivate init(_ version: CustomMetricsVersion) {
            groupVersion = version.groupVersion
            self.version = version.rawValue
        }
    }

    package struct Group: Encodable, Sendable, Equatable {
        /// Left out in a list, whose kind says it.
        package var kind: String?
        package var apiVersion: String?
        package var name = CustomMetricsVersion.group
        /// Preferred first.
        package var versions = CustomMetricsVersion.allCases.reversed().map(GroupVersion.init)
        package var preferredVersion = GroupVersion(.preferred)
    }

    package struct GroupList: Encodable, Sendable, Equatable {
        package var kind = "APIGroupList"
        package var apiVersion = "v1"
        package var groups = [Group()]
    }

    package struct ResourceList: Encodable, Sendable, Equatable {
        package var kind = "APIResourceList"
        package var apiVersion = "v1"
        package var groupVersion: String
        package var resources: [Resource]
    }

    package struct Resource: Encodable, Sendable, Equatable {
        package var name: String
        package var singularName = ""
        package var namespaced: Bool
        package var kind = "MetricValueList"
        package var verbs = ["get"]
    }

    package struct VersionInfo: Encodable, Sendable, Equatable {
        package var major = "1"
        package var minor = "0"
        package var gitVersion = "v\(sluiceVersion)"
        package var platform = "linux"
    }

    /// What is asked for to see which types there are: the metrics have none of their own.
    package struct OpenAPI2: Encodable, Sendable, Equatable {
        package struct Info: Encodable, Sendable, Equatable {
            package var title = "Sluice"
            package var version = sluiceVersion
        }
        package struct Nothing: Encodable, Sendable, Equatable {}
        package var swagger = "2.0"
        package var info = Info()
        package var paths = Nothing()
    }

    package struct OpenAPI3: Encodable, Sendable, Equatable { package var paths = OpenAPI2.Nothing() }

    package static let version = VersionInfo()
    package static let openAPI2 = OpenAPI2()
    package static let openAPI3 = OpenAPI3()
    package static let group = Group(kind: "APIGroup", apiVersion: "v1")
    package static let groups = GroupList()

    package static func resources(_ version: CustomMetricsVersion) -> ResourceList {
        let kinds = [("pods", true), ("services", true), ("namespaces", false)]
        return ResourceList(
            groupVersion: version.groupVersion,
            resources: ScaleMetric.allCases.flatMap { metric in
                kinds.map { Resource(name: "\($0.0)/\(metric.rawValue)", namespaced: $0.1) }
            })
    }
}
