import Base
import Configuration

/// What the paths of one host mean.
///
/// ingress-nginx writes them as nginx locations: `= /x` for Exact, `/x/` and `= /x` for Prefix, `/x` for
/// ImplementationSpecific, which is a plain prefix of the text. Where one Ingress of a host asks for regular expressions, or
/// rewrites, each path of that host is one, whatever its type: without regard to case, at the beginning of the path.
enum IngressPathMatch {
    /// What a request's path has to be; `nil` after a report.
    static func match(_ path: IngressResource.Path, asRegex: Bool, _ report: Report) -> Match? {
        var match = Match()
        guard path.text != "/" || (path.type == .exact && !asRegex) else { return match }
        if asRegex {
            guard isLiteral(path.text) else {
                guard let pattern = pattern(path, report) else { return nil }
                match.path = .regex(pattern)
                return match
            }
            match.path = .startsWith(path.text)
            match.ignoresPathCase = true
        } else {
            switch path.type {
            case .exact: match.path = .exact(path.text)
            case .prefix:
                var prefix = path.text[...]
                while prefix.utf8.count > 1, prefix.hasSuffix("/") { prefix.removeLast() }
                guard prefix != "/" else { return match }
                match.path = .prefix(String(prefix))
            case .implementationSpecific: match.path = .startsWith(path.text)
            }
        }
        if let problem = PathText.problem(in: path.text, isWhole: path.type == .exact && !asRegex) {
            report.error(path.position, "the path \(Wording.quoted(path.text)) \(problem)")
            return nil
        }
        return match
    }

    /// The path as an expression for all of a request's path.
    static func pattern(_ path: IngressResource.Path, _ report: Report) -> Pattern? {
        guard path.text.hasPrefix("/") || path.text.hasPrefix("(") else {
            report.error(path.position, "the path \(Wording.quoted(path.text)) must begin with '/'")
            return nil
        }
        guard !hasAlternatives(path.text) else {
            report.error(
                path.position,
                "the path \(Wording.quoted(path.text)) has '|' outside of parentheses, put the alternatives into '(' and ')'"
            )
            return nil
        }
        do throws(Pattern.Failure) {
            return try report.patterns.pattern(wholePattern(path.text))
        } catch {
            report.error(
                path.position, "the path \(Wording.quoted(path.text)) is no regular expression here: \(error.message)")
            return nil
        }
    }

    /// nginx looks at the beginning only, and with `$` or `.*` at the end as far as that.
    private static func wholePattern(_ text: String) -> String {
        if text.hasSuffix("$"), !endsEscaped(text.dropLast()) { return "(?i)" + text.dropLast() }
        let isOpen = [".*", "(.*)"].contains { text.hasSuffix($0) && !endsEscaped(text.dropLast($0.utf8.count)) }
        return "(?i)" + text + (isOpen ? "" : ".*")
    }

    /// An odd number of backslashes at the end.
    private static func endsEscaped(_ text: Substring) -> Bool {
        text.utf8.reversed().prefix { $0 == UInt8(ascii: "\\") }.count % 2 == 1
    }

    /// Without characters that mean something in an expression.
    static func isLiteral(_ text: String) -> Bool {
        text.hasPrefix("/")
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "/-_~%:@!&',;=".utf8.contains(byte)
                }
            }
    }

    /// A bar that no parenthesis and no bracket encloses.
    private static func hasAlternatives(_ text: String) -> Bool {
        var depth = 0
        var isClass = false
        var isEscaped = false
        for byte in text.utf8 {
            guard !isEscaped else {
                isEscaped = false
                continue
            }
            switch byte {
            case UInt8(ascii: "\\"): isEscaped = true
            case UInt8(ascii: "["): isClass = true
            case UInt8(ascii: "]"): isClass = false
            case UInt8(ascii: "(") where !isClass: depth += 1
            case UInt8(ascii: ")") where !isClass: depth -= 1
            case UInt8(ascii: "|") where !isClass && depth == 0: return true
            default: break
            }
        }
        return false
    }

    /// The order in which nginx would try them: longer ones first, and of equally long ones the later in the alphabet, which
    /// is how ingress-nginx sorts expressions.
    static func precedes(_ left: IngressResource.Path, _ right: IngressResource.Path, asRegex: Bool) -> Bool {
        let (first, second) = (sorted(left, asRegex), sorted(right, asRegex))
        guard first.utf8.count == second.utf8.count else { return first.utf8.count > second.utf8.count }
        guard first == second else { return first > second }
        return rank(left.type) < rank(right.type)
    }

    /// The slash at the end of a prefix of whole elements adds nothing.
    private static func sorted(_ path: IngressResource.Path, _ asRegex: Bool) -> Substring {
        guard !asRegex, path.type == .prefix else { return path.text[...] }
        var text = path.text[...]
        while text.utf8.count > 1, text.hasSuffix("/") { text.removeLast() }
        return text
    }

    private static func rank(_ type: IngressResource.PathType) -> Int {
        IngressResource.PathType.allCases.firstIndex(of: type) ?? 0
    }
}
