package import Configuration

/// Writes a configuration as native YAML, the way a person would: what is a default is left out, and what is short is on one
/// line. What comes out is read back as the same configuration.
package struct GatewayWriter {
    /// Comment lines at the top, without `#`.
    package var heading: [String] = []
    /// Comment lines above routes, by their names.
    package var routeComments: [String: [String]] = [:]
    /// Where the files are that the configuration holds the bytes of: certificates, keys, authorities.
    let paths: [[UInt8]: String]

    /// - Parameter paths: see `ConfigurationLoader.Outcome.files`.
    package init(paths: [[UInt8]: String] = [:]) { self.paths = paths }

    package func yaml(_ gateway: Gateway) -> String {
        var root = YAMLOutline.mapping(process(gateway))
        if case .mapping(var pairs) = root.content {
            let sections = [("backends", backends(gateway.backends)), ("routes", routes(gateway.routes))]
            pairs += sections.filter { !$0.1.isEmpty }.map { YAMLOutline.Pair(key: $0.0, value: $0.1.opened) }
            root.content = .mapping(pairs)
        }
        root.isSpaced = true
        let comment = heading.map { $0.isEmpty ? "#\n" : "# \($0)\n" }.joined()
        return comment + (comment.isEmpty || root.isEmpty ? "" : "\n") + YAMLPrinter.document(root)
    }

    private func routes(_ routes: [Route]) -> YAMLOutline {
        let items = routes.map { route in
            YAMLOutline.Item(comment: routeComments[route.name] ?? [], value: self.route(route).opened)
        }
        var list = YAMLOutline(content: .list(items))
        list.isSpaced = true
        return list
    }
}

/// Values that most sections have.
extension GatewayWriter {
    /// Nothing for what need not be written.
    static func unless<Value: Equatable>(
        _ standard: Value, _ value: Value, _ outline: (Value) -> YAMLOutline
    ) -> YAMLOutline? {
        value == standard ? nil : outline(value)
    }

    static func duration(_ duration: Duration) -> YAMLOutline { .word(DurationText.format(duration)) }
    static func size(_ bytes: Int) -> YAMLOutline { .word(SizeText.format(Int64(bytes))) }

    /// `nil` is written as 0s.
    static func durationOrZero(_ duration: Duration?) -> YAMLOutline { self.duration(duration ?? .zero) }

    /// A number of 0...100 as digits alone, however small.
    static func percent(_ percent: Double) -> YAMLOutline {
        let text = percent.description
        if text.hasSuffix(".0") { return .word(String(text.dropLast(2))) }
        guard let mark = text.firstIndex(of: "e"), let exponent = Int(text[text.index(after: mark)...]), exponent < 0
        else { return .word(text) }
        let digits = text[..<mark].filter { $0 != "." }
        return .word("0." + String(repeating: "0", count: -exponent - 1) + digits.replacing(/0+$/, with: ""))
    }

    func headerOperations(_ operations: HeaderOperations) -> YAMLOutline? {
        guard !operations.isEmpty else { return nil }
        func fields(_ fields: [HeaderOperations.Field]) -> YAMLOutline? {
            fields.isEmpty ? nil : .mapping(fields.map { ($0.name, .text($0.value.text)) })
        }
        return .mapping([
            ("set", fields(operations.set)), ("add", fields(operations.add)),
            ("remove", operations.remove.isEmpty ? nil : .texts(operations.remove)),
        ])
    }

    /// The path of a file by what is in it.
    func file(_ bytes: [UInt8]?) -> YAMLOutline? { bytes.flatMap { paths[$0] }.map { .text($0) } }

    static func networks(_ networks: [CIDR]) -> YAMLOutline? {
        networks.isEmpty ? nil : .texts(networks.map(\.text))
    }
}
