import Configuration

/// Changes of header fields.
extension GatewayReader {
    /// What is written under a key of the section, or no change.
    func headerOperations(_ key: String, of message: HeaderRules.Message, _ section: Section) -> HeaderOperations {
        var operations = HeaderOperations()
        guard let entry = section.entry(key, report),
            let written = Section(entry.value, .headerOperations, title: "'\(key)'", report)
        else { return operations }
        if written.isEmpty {
            report.error(written.position, "'\(key)' is empty, write it such as { set: { x-tenant: gold } }")
        }
        var seen: [String: Position] = [:]
        written.entry("set", report).map { operations.set = fields($0, of: message, &seen) }
        written.entry("add", report).map { operations.add = fields($0, of: message, &seen) }
        if let remove = written.entry("remove", report) {
            operations.remove = Section.items(remove, "[x-debug]", report).compactMap { item in
                guard let name = Section.text(item, "a header to remove", report),
                    checkName(name, at: item.position, of: message, &seen)
                else { return nil }
                return name.lowercased()
            }
        }
        return operations
    }

    private func fields(_ entry: YAMLNode.Entry, of message: HeaderRules.Message, _ seen: inout [String: Position])
        -> [HeaderOperations.Field]
    {
        let example = "{ x-tenant: gold }"
        let pairs = Section.pairs(entry, example, report)
        if pairs.isEmpty, case .mapping = entry.value.content {
            report.error(entry.position, "'\(entry.key)' is empty, write it such as \(example) or leave it out")
        }
        return pairs.compactMap { pair in
            guard checkName(pair.key, at: pair.position, of: message, &seen) else { return nil }
            return template(pair.value, Wording.quoted(pair.key)).map {
                HeaderOperations.Field(name: pair.key, value: $0)
            }
        }
    }

    private func checkName(
        _ name: String, at position: Position, of message: HeaderRules.Message, _ seen: inout [String: Position]
    ) -> Bool {
        if let problem = HeaderRules.problem(changing: name, of: message) {
            report.error(position, "\(Wording.quoted(name)) \(problem)")
            return false
        }
        if let earlier = seen.updateValue(position, forKey: name.lowercased()) {
            report.error(
                position, "\(Wording.quoted(name)) is already in \(report.place(earlier, from: position)), keep one")
            return false
        }
        return true
    }

    /// A value may be a credential, so messages leave it out.
    private func template(_ node: YAMLNode, _ title: String) -> HeaderTemplate? {
        guard let text = Section.scalar(node, title, "text", report) else { return nil }
        guard HeaderText.isValue(text) else {
            report.error(
                node.position, "the value of \(title) must not hold control characters or blanks around it")
            return nil
        }
        do throws(InvalidValue) {
            return try HeaderTemplate(text)
        } catch {
            report.error(node.position, "the value of \(title) \(error.message)")
            return nil
        }
    }
}
