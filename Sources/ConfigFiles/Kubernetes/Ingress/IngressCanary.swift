import Base
import Configuration

/// Which of a service's requests go to its canary instead: those with a header, those with a cookie, and of the others a
/// share, in this order.
struct IngressCanary {
    var header: (name: String, value: Value)?
    /// A cookie that says `always` or `never`.
    var cookie: String?
    /// `nil` where it gets no share; a share of 0 may be raised later.
    var weight: Int?
    var total = Self.defaultTotal

    enum Value {
        /// The header says `always` or `never`.
        case words
        case match(Match.ValueMatch)
    }

    /// ingress-nginx takes no less.
    private static let defaultTotal = 100

    /// Whether an Ingress is one. Its parts without the whole are an error.
    static func isCanary(_ annotations: IngressAnnotations) -> Bool {
        if annotations.flag("canary") == true { return true }
        let parts = annotations.names.filter { $0.hasPrefix("canary-") }
        for name in parts where annotations.text(name) != "0" {
            annotations.error(name, "'\(name)' means nothing by itself, add 'canary: \"true\"' or leave it out")
        }
        return false
    }

    init(_ annotations: IngressAnnotations) {
        if let total = annotations.number("canary-weight-total", in: 1...Bounds.routeWeight.upperBound) {
            if total < Self.defaultTotal {
                annotations.warning(
                    "canary-weight-total",
                    "a total below \(Self.defaultTotal) counts as \(Self.defaultTotal), in ingress-nginx too")
            }
            self.total = max(total, Self.defaultTotal)
        }
        weight = annotations.number("canary-weight", in: Bounds.routeWeight).map { [total] in min($0, total) }
        cookie = annotations.text("canary-by-cookie")
        if let name = cookie, !HeaderText.isToken(name) {
            annotations.error(
                "canary-by-cookie", "\(Wording.quoted(name)) is no name of a cookie, write one such as canary")
            cookie = nil
        }
        header = Self.header(annotations)
        let isAsked = ["canary-by-header", "canary-by-cookie", "canary-weight"].contains(where: annotations.has)
        if !isAsked {
            annotations.warning(
                "canary", "this canary gets no requests, add 'canary-weight', 'canary-by-header' or 'canary-by-cookie'")
        }
    }

    private static func header(_ annotations: IngressAnnotations) -> (String, Value)? {
        let (value, pattern) = ("canary-by-header-value", "canary-by-header-pattern")
        guard let name = annotations.text("canary-by-header") else {
            for name in [value, pattern] where annotations.has(name) {
                annotations.note(name, "'\(name)' does nothing without 'canary-by-header', in ingress-nginx neither")
            }
            return nil
        }
        guard HeaderText.isToken(name) else {
            annotations.error(
                "canary-by-header", "\(Wording.quoted(name)) is no header name, write one such as x-canary")
            return nil
        }
        if let text = annotations.text(value) {
            if annotations.has(pattern) {
                annotations.note(pattern, "'\(pattern)' does nothing beside '\(value)', in ingress-nginx neither")
            }
            return (name.lowercased(), .match(.exact(text)))
        }
        guard annotations.has(pattern) else { return (name.lowercased(), .words) }
        guard let source = annotations.text(pattern) else { return nil }
        do throws(Pattern.Failure) {
            return (name.lowercased(), .match(.regex(try annotations.report.patterns.pattern(whole(source)))))
        } catch {
            annotations.error(pattern, "'\(pattern)' is no regular expression here: \(error.message)")
            return nil
        }
    }

    /// An expression that is looked for anywhere, as one for the whole value.
    private static func whole(_ source: String) -> String {
        guard !source.contains("|"), !source.hasSuffix("\\$") else { return ".*(?:\(source)).*" }
        var middle = source[...]
        var (front, back) = (".*", ".*")
        if middle.hasPrefix("^") {
            middle.removeFirst()
            front = ""
        }
        if middle.hasSuffix("$") {
            middle.removeLast()
            back = ""
        }
        return front + middle + back
    }

    /// The alternatives of the canary's route and of the main service's that decides before the split, both empty where the
    /// split is all there is.
    ///
    /// - Parameter base: what the path asks for.
    func alternatives(_ base: Match) -> (canary: [Match], main: [Match]) {
        var (canary, main): ([Match], [Match]) = ([], [])
        var refusal: Match.NamedMatch?
        if let header {
            var match = base
            switch header.value {
            case .match(let value): match.headers.append(Match.NamedMatch(name: header.name, value: value))
            case .words:
                match.headers.append(Match.NamedMatch(name: header.name, value: .exact("always")))
                refusal = Match.NamedMatch(name: header.name, value: .exact("never"))
            }
            canary.append(match)
        }
        if let refusal { main.append(base.with(refusal)) }
        if let cookie, let always = Self.cookie(cookie, "always"), let never = Self.cookie(cookie, "never") {
            var match = base.with(always)
            // The header decides first.
            if let refusal { match.withoutHeaders.append(refusal) }
            canary.append(match)
            main.append(base.with(never))
        }
        // Without a share everything else goes to the main service anyway.
        return (canary, weight == nil ? [] : main)
    }

    private static func cookie(_ name: String, _ word: String) -> Match.NamedMatch? {
        let escaped = name.map { ".*+?^${}()|[]\\".contains($0) ? "\\\($0)" : "\($0)" }.joined()
        guard let pattern = try? Pattern("(.*; ?)?\(escaped)=\(word)(;.*)?") else { return nil }
        return Match.NamedMatch(name: "cookie", value: .regex(pattern))
    }
}

extension Match {
    fileprivate func with(_ header: NamedMatch) -> Match {
        var match = self
        match.headers.append(header)
        return match
    }
}
