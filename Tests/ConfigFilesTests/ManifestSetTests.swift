import Configuration
import Testing

@testable import ConfigFiles

/// Which documents are manifests, and which of them are read. What they say is the business of other tests.
@Suite struct ManifestSetTests {
    /// The manifests of a file, and what is said of it.
    private func read(_ yaml: String) throws -> (set: ManifestSet, lines: [String]) {
        let report = Report()
        let file = report.add(file: "m.yaml")
        var top = TopLevel(report: report)
        let documents = try #require(YAMLReader.documents(of: Array(yaml.utf8), file: file, report: report))
        for document in documents {
            let isTaken = top.add(document)
            #expect(isTaken)
        }
        #expect(top.merged == nil)
        return (top.manifests, report.sorted().map(\.description))
    }

    @Test func metadata() throws {
        let (set, lines) = try read(
            """
            apiVersion: networking.k8s.io/v1
            kind: Ingress
            metadata:
              name: web
              namespace: shop
              creationTimestamp: "2024-05-01T00:00:00Z"
              resourceVersion: "1"
              annotations: { a.example.com/b: "c" }
              managedFields: [{ manager: kubectl, fieldsV1: { "f:spec": { "f:rules": {} } } }]
            spec: { rules: [] }
            status: { loadBalancer: {} }
            ---
            apiVersion: v1
            kind: Secret
            metadata: { name: users }
            type: Opaque
            data: { auth: YQ== }
            """)
        #expect(lines == [])
        let first = try #require(set.all.first)
        #expect(first.kind == .ingress && first.name == "web" && first.namespace == "shop")
        #expect(first.created == "2024-05-01T00:00:00Z" && first.annotations.map(\.key) == ["a.example.com/b"])
        #expect(first.body.map(\.key) == ["spec"])
        #expect(set.all[1].namespace == "default" && set.all[1].body.map(\.key) == ["type", "data"])
    }

    @Test func listsAreUnfolded() throws {
        let (set, lines) = try read(
            """
            apiVersion: v1
            kind: List
            metadata: { resourceVersion: "" }
            items:
              - { apiVersion: v1, kind: Secret, metadata: { name: a } }
              - apiVersion: v1
                kind: List
                items: [{ apiVersion: v1, kind: Secret, metadata: { name: b } }]
            ---
            apiVersion: networking.istio.io/v1beta1
            kind: VirtualServiceList
            items: [{ metadata: { name: c } }, { metadata: { name: d, namespace: e } }]
            ---
            { apiVersion: v1, kind: List, items: }
            """)
        #expect(lines == [])
        #expect(
            set.all.map(\.title) == [
                "Secret 'default/a'", "Secret 'default/b'", "VirtualService 'default/c'", "VirtualService 'e/d'",
            ])
    }

    @Test(arguments: [
        (
            "kind: Secret",
            ["m.yaml:1:1: error: a Kubernetes manifest needs both 'apiVersion' and 'kind', add 'apiVersion'"]
        ),
        ("apiVersion: v1", ["m.yaml:1:1: error: a Kubernetes manifest needs both 'apiVersion' and 'kind', add 'kind'"]),
        (
            "{ apiVersion: v1, kind: Service, metadata: { name: a } }",
            ["m.yaml:1:25: error: a manifest of kind 'Service' is not read here, leave it out"]
        ),
        (
            "{ apiVersion: networking.istio.io/v1, kind: VirtualServise, metadata: { name: a } }",
            ["m.yaml:1:45: error: a manifest of kind 'VirtualServise' is not read here, did you mean 'VirtualService'?"]
        ),
        (
            "{ apiVersion: networking.istio.io/v1, kind: Gateway, metadata: { name: a } }",
            [
                "m.yaml:1:45: error: a manifest of kind 'Gateway' is not read here, write its servers as 'listeners' and leave it out"
            ]
        ),
        (
            "{ apiVersion: extensions/v1beta1, kind: Ingress, metadata: { name: a } }",
            [
                "m.yaml:1:41: error: Ingress is not read in 'extensions/v1beta1', write 'apiVersion: networking.k8s.io/v1'"
            ]
        ),
        (
            "{ apiVersion: v1, kind: Secret }",
            ["m.yaml:1:1: error: a Secret needs a name, write 'metadata: { name: … }'"]
        ),
        (
            "{ apiVersion: v1, kind: Secret, metadata: { generateName: a- } }",
            ["m.yaml:1:33: error: a Secret needs a name, write 'metadata: { name: … }'"]
        ),
        (
            "{ apiVersion: v1, kind: Secret, metadata: { name: a b } }",
            ["m.yaml:1:51: error: 'name' must be the name of an object, letters, digits, '-' and '.', not 'a b'"]
        ),
        (
            "{ apiVersion: v1, kind: Secret, metadata: { name: a, namespace: [x] } }",
            ["m.yaml:1:65: error: 'namespace' must be the name of an object, letters, digits, '-' and '.', not a list"]
        ),
        (
            "{ apiVersion: v1, kind: Secret, metadata: { name: a, annotations: [] } }",
            [
                "m.yaml:1:67: error: 'annotations' must be a mapping, not a list, write it such as { example.com/key: value }"
            ]
        ),
        (
            "{ apiVersion: v1, kind: List, items: { a: 1 } }",
            ["m.yaml:1:38: error: 'items' must be a list, not a mapping"]
        ),
        (
            "{ apiVersion: v1, kind: List, items: [text] }",
            ["m.yaml:1:39: error: a manifest must be a mapping of fields to values, not a single value"]
        ),
        (
            """
            { apiVersion: v1, kind: Secret, metadata: { name: a } }
            ---
            { apiVersion: v1, kind: Secret, metadata: { name: a, namespace: default } }
            """,
            ["m.yaml:3:1: error: Secret 'default/a' is already in line 1, keep one of them"]
        ),
    ])
    func refused(yaml: String, expected: [String]) throws { #expect(try read(yaml).lines == expected) }

    /// What a cluster writes into an object is deeper than any configuration.
    @Test func managedFieldsAreNotTooDeep() throws {
        var nested = "{}"
        for _ in 0..<20 { nested = "{ \"f:x\": \(nested) }" }
        let (set, lines) = try read(
            """
            apiVersion: v1
            kind: List
            items:
              - apiVersion: v1
                kind: Secret
                metadata: { name: a, managedFields: [{ fieldsV1: \(nested) }] }
            """)
        #expect(lines == [] && set.all.count == 1)
    }
}
