import Configuration

/// The manifests of all files, in the order of reading.
struct ManifestSet {
    private let report: Report
    private(set) var all: [Manifest] = []
    /// Where the first document stands that is a manifest, whether or not it could be read.
    private(set) var first: Position?
    /// By title.
    private var indices: [String: Int] = [:]

    init(report: Report) { self.report = report }

    /// Whether no document is a manifest, sound or not.
    var isEmpty: Bool { first == nil }

    func ofKinds(_ kinds: Manifest.Kind...) -> [Manifest] { all.filter { kinds.contains($0.kind) } }

    func find(_ kind: Manifest.Kind, _ name: String, namespace: String) -> Manifest? {
        indices[Manifest.title(kind, name, namespace: namespace)].map { all[$0] }
    }

    /// Adds a document with `apiVersion` or `kind`, and what a `List` holds; what cannot be read is reported.
    mutating func add(_ document: YAMLNode) { add(document, listed: nil) }

    /// - Parameter listed: what the items of a list are where they do not say so themselves.
    private mutating func add(_ node: YAMLNode, listed: (kind: String, apiVersion: String)?) {
        if first == nil { first = node.position }
        guard case .mapping(let entries) = node.content else {
            report.error(node.position, "a manifest must be a mapping of fields to values, not \(node.kind)")
            return
        }
        let kindText = text("kind", entries) ?? listed?.kind
        let versionText = text("apiVersion", entries) ?? listed?.apiVersion
        guard let kindText, let versionText else {
            let (there, missing) = kindText == nil ? ("apiVersion", "kind") : ("kind", "apiVersion")
            report.error(
                entries.first { $0.key == there }?.position ?? node.position,
                "a Kubernetes manifest needs both 'apiVersion' and 'kind', add '\(missing)'")
            return
        }
        if kindText.hasSuffix("List"), let items = entries.first(where: { $0.key == "items" }) {
            let kind = String(kindText.dropLast("List".count))
            unfold(items, (kind, versionText))
            return
        }
        let position = entries.first { $0.key == "kind" }?.value.position ?? node.position
        guard let kind = kind(kindText, versionText, position) else { return }
        manifest(kind, entries, position: node.position).map { keep($0) }
    }

    private mutating func unfold(_ items: YAMLNode.Entry, _ listed: (kind: String, apiVersion: String)) {
        guard !items.value.isNull else { return }
        guard case .sequence(let nodes) = items.value.content else {
            report.error(items.value.position, "'items' must be a list, not \(items.value.kind)")
            return
        }
        // The items of a plain `List` say what they are.
        for node in nodes { add(node, listed: listed.kind.isEmpty ? nil : listed) }
    }

    private func kind(_ text: String, _ apiVersion: String, _ position: Position) -> Manifest.Kind? {
        let kinds = Manifest.Kind.allCases
        guard let kind = kinds.first(where: { $0.rawValue == text }) else {
            let nearest = report.nearest(to: text, among: kinds.map(\.rawValue)).map { "did you mean '\($0)'?" }
            let hint = Self.advice[text] ?? nearest ?? "leave it out"
            report.error(position, "a manifest of kind \(Wording.quoted(text)) is not read here, \(hint)")
            return nil
        }
        guard kind.apiVersions.contains(apiVersion) else {
            report.error(
                position,
                "\(kind.rawValue) is not read in \(Wording.quoted(apiVersion)), write 'apiVersion: \(kind.apiVersions[0])'"
            )
            return nil
        }
        return kind
    }

    /// For the kinds that people keep beside those that are read.
    private static let advice: [String: String] = [
        "Gateway": "write its servers as 'listeners' and leave it out",
        "ServiceEntry": "its hosts are reached by their names, leave it out",
        "AuthorizationPolicy": "write 'allowFrom', 'denyFrom' or 'basicAuth' on native routes",
        "RequestAuthentication": "write 'basicAuth' on native routes",
        "EnvoyFilter": "write what it does as native routes",
        "TCPRoute": "only HTTP and gRPC are routed",
        "TLSRoute": "only HTTP and gRPC are routed, with TLS ended by a listener",
        "UDPRoute": "only HTTP and gRPC are routed",
    ]

    private func manifest(_ kind: Manifest.Kind, _ entries: [YAMLNode.Entry], position: Position) -> Manifest? {
        guard let metadata = entries.first(where: { $0.key == "metadata" }),
            case .mapping(let fields) = metadata.value.content
        else {
            report.error(position, "a \(kind.rawValue) needs a name, write 'metadata: { name: … }'")
            return nil
        }
        guard let name = objectName("name", fields) else {
            if !fields.contains(where: { $0.key == "name" }) {
                report.error(metadata.position, "a \(kind.rawValue) needs a name, write 'metadata: { name: … }'")
            }
            return nil
        }
        let isNamespaced = fields.contains { $0.key == "namespace" && !$0.value.isNull }
        guard let namespace = isNamespaced ? objectName("namespace", fields) : "default" else { return nil }
        var annotations: [YAMLNode.Entry] = []
        if let entry = fields.first(where: { $0.key == "annotations" }), !entry.value.isNull {
            annotations = Section.pairs(entry, "{ example.com/key: value }", report)
        }
        let ownKeys: Set = ["apiVersion", "kind", "metadata", "status"]
        return Manifest(
            kind: kind, name: name, namespace: namespace, annotations: annotations,
            created: text("creationTimestamp", fields) ?? "", position: position,
            body: entries.filter { !ownKeys.contains($0.key) })
    }

    private mutating func keep(_ manifest: Manifest) {
        if let index = indices[manifest.title] {
            let earlier = all[index].position
            report.error(
                manifest.position,
                "\(manifest.title) is already in \(report.place(earlier, from: manifest.position)), keep one of them")
        } else {
            indices[manifest.title] = all.count
            all.append(manifest)
        }
    }

    private func text(_ key: String, _ entries: [YAMLNode.Entry]) -> String? {
        guard let value = entries.first(where: { $0.key == key })?.value, !value.isNull else { return nil }
        return value.text
    }

    /// A DNS name (Kubernetes, "Object Names and IDs").
    private func objectName(_ key: String, _ fields: [YAMLNode.Entry]) -> String? {
        guard let value = fields.first(where: { $0.key == key })?.value else { return nil }
        guard let name = value.text, HostName.isValid(name) else {
            report.error(
                value.position,
                "'\(key)' must be the name of an object, letters, digits, '-' and '.', not \(Self.shown(value))")
            return nil
        }
        return name
    }

    private static func shown(_ node: YAMLNode) -> String { node.text.map { Wording.quoted($0) } ?? node.kind }
}
