import Configuration

/// How a backend chooses among its endpoints.
extension GatewayReader {
    /// A word, or a mapping that says what to go by; `nil` where none is written, and after a report.
    ///
    /// - Parameter server: what answers there: not all say how their models do.
    func balance(_ section: Section, _ server: Backend.Server) -> Backend.Balance? {
        guard let entry = section.entry("balance", report) else { return nil }
        switch entry.value.content {
        case .mapping(let pairs):
            guard let mapping = Section(entry.value, .balance, title: "'balance'", report) else { return nil }
            if pairs.isEmpty {
                report.error(
                    entry.value.position,
                    "'balance' is empty, write roundRobin, leastRequest, leastQueue or \(Self.hashExample), or leave it out"
                )
            }
            return mapping.entry("hash", report).flatMap(hashKey).map { .hash($0) }
        default:
            guard entry.value.text != "hash" else {
                report.error(
                    entry.value.position,
                    "'balance: hash' does not say what to go by, write it such as \(Self.hashExample)")
                return nil
            }
            if server != .triton, entry.value.text == "leastQueue" {
                report.error(
                    entry.value.position,
                    "'balance: leastQueue' needs 'server: triton', which tells of its queues, write 'balance: leastRequest'"
                )
                return nil
            }
            return section.choice(
                "balance",
                [("roundRobin", .roundRobin), ("leastRequest", .leastRequest), ("leastQueue", .leastQueue)],
                orElse: [Self.hashExample], report)
        }
    }

    private static let hashExample = "{ hash: { header: x-user } }"
    private static let hashKeys = "{ header: x-user }, { cookie: session }, clientAddress or sequenceId"

    /// What has no name of its own may be written as a word.
    private func hashKey(_ entry: YAMLNode.Entry) -> Backend.HashKey? {
        guard let word = entry.value.text else { return namedHashKey(entry) }
        switch word {
        case "clientAddress": return .clientAddress
        case "sequenceId": return .sequenceID
        case "header", "cookie":
            let example = word == "header" ? "{ header: x-user }" : "{ cookie: session }"
            report.error(entry.value.position, "'hash: \(word)' needs the \(word)'s name, write it such as \(example)")
        default:
            report.error(entry.value.position, "'hash' must be \(Self.hashKeys), not \(Wording.quoted(word))")
        }
        return nil
    }

    private func namedHashKey(_ entry: YAMLNode.Entry) -> Backend.HashKey? {
        guard let section = Section(entry.value, .hash, title: "'hash'", report) else { return nil }
        let written = section.written(Schema.hash.keys)
        guard written.count <= 1 else {
            report.error(
                section.position(of: written[1]),
                "'hash' has both '\(written[0])' and '\(written[1])', keep one of them")
            return nil
        }
        switch written.first {
        case "header":
            // Names of headers are the same in any case (RFC 9110 section 5.1), those of cookies are not.
            return keyName("header", "x-user", section).map { .header($0.lowercased()) }
        case "cookie": return keyName("cookie", "session", section).map { .cookie($0) }
        case "clientAddress": return hashFlag("clientAddress", section) ? .clientAddress : nil
        case "sequenceId": return hashFlag("sequenceId", section) ? .sequenceID : nil
        default:
            if section.isEmpty {
                report.error(section.position, "'hash' is empty, write \(Self.hashKeys)")
            }
            return nil
        }
    }

    /// The name of a header or a cookie: both are tokens (RFC 6265 section 4.1.1).
    func keyName(_ key: String, _ example: String, _ section: Section) -> String? {
        guard let name = section.text(key, report) else { return nil }
        guard HeaderText.isToken(name) else {
            report.error(
                section.valuePosition(of: key, report),
                "\(Wording.quoted(name)) is no \(key) name, write one such as \(example)")
            return nil
        }
        return name
    }

    private func hashFlag(_ key: String, _ section: Section) -> Bool {
        guard let flag = section.flag(key, report) else { return false }
        if !flag {
            report.error(
                section.valuePosition(of: key, report),
                "'\(key): false' leaves nothing to go by, write 'hash: \(key)' or leave 'balance' out")
        }
        return flag
    }
}
