/// Changes to the header of a request or an answer: first what is removed, then what is set, then what is added.
package struct HeaderOperations: Sendable, Equatable {
    /// Take the place of every field of the name.
    package var set: [Field] = []
    /// Stand beside those there are.
    package var add: [Field] = []
    /// Names, in lower case.
    package var remove: [String] = []

    package init() {}

    package var isEmpty: Bool { self.set.isEmpty && add.isEmpty && remove.isEmpty }

    package struct Field: Sendable, Equatable {
        /// As it is written; case does not matter when names are compared.
        package var name: String
        package var value: HeaderTemplate

        package init(name: String, value: HeaderTemplate) {
            self.name = name
            self.value = value
        }
    }
}

/// The value of a header field, with places for what is known of a request: `from %{client.address} for %{user}`.
///
/// `%{` begins a variable, and `%%{` stands for these two characters themselves; every other `%` is one.
package struct HeaderTemplate: Sendable, Equatable {
    package enum Part: Sendable, Equatable {
        case text(String)
        case variable(Variable)
    }

    package enum Variable: String, Sendable, CaseIterable {
        /// Without port, behind trusted proxies; `unix` for a client of a Unix socket.
        case clientAddress = "client.address"
        case requestID = "request.id"
        /// As `basicAuth` knows it; empty without.
        case user
        case route
        /// The name (`as`) of the entry it goes to, or the mirror's backend; empty where it goes nowhere.
        case backend
    }

    /// No two texts stand beside each other, and none is empty.
    package private(set) var parts: [Part] = []

    /// - Throws: what is wrong, to be read behind the text itself.
    package init(_ text: String) throws(InvalidValue) {
        var rest = text[...]
        var literal = ""
        while let percent = rest.firstIndex(of: "%") {
            literal += rest[..<percent]
            rest = rest[percent...]
            if rest.hasPrefix("%%{") {
                literal += "%{"
                rest = rest.dropFirst(3)
            } else if rest.hasPrefix("%{") {
                guard let end = rest.firstIndex(of: "}") else {
                    throw InvalidValue("has a '%{' without a '}', write '%%{' for the characters themselves")
                }
                let name = String(rest[rest.index(rest.startIndex, offsetBy: 2)..<end])
                guard let variable = Variable(rawValue: name) else {
                    let known = Variable.allCases.map { "%{\($0.rawValue)}" }.joined(separator: ", ")
                    throw InvalidValue("has an unknown variable, there are \(known)")
                }
                if !literal.isEmpty { parts.append(.text(literal)) }
                literal = ""
                parts.append(.variable(variable))
                rest = rest[rest.index(after: end)...]
            } else {
                literal += "%"
                rest = rest.dropFirst()
            }
        }
        literal += rest
        if !literal.isEmpty { parts.append(.text(literal)) }
    }

    /// Text without variables.
    package init(literal: String) { parts = literal.isEmpty ? [] : [.text(literal)] }

    /// As it would be written in a configuration.
    package var text: String {
        parts.map { part in
            switch part {
            case .text(let text): text.replacing("%{", with: "%%{")
            case .variable(let variable): "%{\(variable.rawValue)}"
            }
        }.joined()
    }
}
