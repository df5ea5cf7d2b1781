import Configuration
import Glibc

/// How a backend's endpoint is started when it is needed, and stopped when it is not.
extension GatewayReader {
    private static let example = "{ exec: [tritonserver, --model-repository=models], idleAfter: 10m }"

    /// - Parameter section: the backend's, of which the endpoints have been read.
    func activation(_ section: Section, of backend: Backend) -> Backend.Activation? {
        guard let entry = section.entry("activate", report),
            let written = Section(entry.value, .activate, title: "'activate'", report)
        else { return nil }
        let ways = written.written(["exec", "kubernetes"])
        guard ways.count == 1 else {
            report.error(
                entry.position,
                ways.isEmpty
                    ? "'activate' does not say what to start, write it such as \(Self.example)"
                    : "'activate' has both 'exec' and 'kubernetes', leave one of them out")
            return nil
        }
        guard let means = written.has("exec") ? exec(written, of: backend) : deployment(written) else { return nil }
        var activation = Backend.Activation(means: means)
        activation.idleAfter = written.duration("idleAfter", report).flatMap { $0 == .zero ? nil : $0 }
        written.entry("hold", report).map { activation.hold = hold($0) }
        return activation
    }

    private func exec(_ section: Section, of backend: Backend) -> Backend.Activation.Means? {
        guard let entry = section.entry("exec", report) else { return nil }
        let items = Section.items(entry, "[tritonserver, --model-repository=models]", isRequired: true, report)
        guard items.count <= Bounds.execArguments else {
            report.error(
                entry.value.position,
                "'exec' has \(items.count) arguments, write at most \(Bounds.execArguments), or a script that has more")
            return nil
        }
        var words: [String] = []
        for (index, item) in items.enumerated() {
            let title = index == 0 ? "the program" : "an argument"
            guard let text = Section.scalar(item, title, "text", report) else { continue }
            if index == 0 && text.isEmpty {
                report.error(item.position, "the program must not be empty, write such as \(Self.example)")
            } else if text.utf8.contains(0) {
                report.error(item.position, "\(title) must not hold a NUL")
            } else {
                words.append(text)
            }
        }
        guard words.count == items.count, let program = words.first, let first = items.first else { return nil }
        if backend.endpoints.count > 1 || !backend.services.isEmpty {
            report.error(
                entry.position,
                "'exec' starts one process, which is one endpoint, but there are others: write a backend for each")
        }
        warnIfMissing(program, first.position)
        return .exec(words)
    }

    /// It may be put there later; more often it is a slip of the keyboard.
    private func warnIfMissing(_ program: String, _ position: Position) {
        if program.utf8.contains(UInt8(ascii: "/")) {
            let path = FilePath.resolve(program, relativeTo: report.name(of: position.file))
            var status = stat()
            if stat(path, &status) != 0 {
                report.warning(position, "\(Wording.quoted(program)) does not exist, so the backend cannot be started")
            } else if status.st_mode & S_IFMT == S_IFDIR {
                report.warning(position, "\(Wording.quoted(program)) is a directory, name the program in it")
            } else if access(path, X_OK) != 0 {
                report.warning(position, "\(Wording.quoted(program)) may not be executed, see chmod(1)")
            }
            return
        }
        let directories = getenv("PATH").map { String(cString: $0) }?.split(separator: ":") ?? []
        if !directories.contains(where: { access("\($0)/\(program)", X_OK) == 0 }) {
            report.warning(
                position,
                "there is no \(Wording.quoted(program)) in the directories of PATH, write the whole path if it is "
                    + "elsewhere")
        }
    }

    private func deployment(_ section: Section) -> Backend.Activation.Means? {
        guard let entry = section.entry("kubernetes", report),
            let written = Section(entry.value, .activateKubernetes, title: "'kubernetes'", report)
        else { return nil }
        for key in ["namespace", "deployment"] where !written.has(key) {
            report.error(
                written.position,
                "'kubernetes' has no \(key), write it such as { namespace: models, deployment: triton }")
        }
        guard let namespace = clusterName("namespace", written), let deployment = clusterName("deployment", written)
        else { return nil }
        return .kubernetes(namespace: namespace, deployment: deployment)
    }

    /// Names become part of a path.
    private func clusterName(_ key: String, _ section: Section) -> String? {
        guard let text = section.text(key, report) else { return nil }
        let isName =
            text.utf8.count <= 253
            && text.utf8.allSatisfy {
                ($0 >= 0x61 && $0 <= 0x7A) || ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x2D || $0 == 0x2E
            }
            && text.utf8.first != UInt8(ascii: ".")
        guard isName else {
            report.error(
                section.valuePosition(of: key, report),
                "'\(key)' must be a name of small letters, digits, '-' and '.' (RFC 1123), not \(Wording.quoted(text))")
            return nil
        }
        return text
    }

    private func hold(_ entry: YAMLNode.Entry) -> Backend.Activation.Hold {
        var hold = Backend.Activation.Hold()
        guard let section = Section(entry.value, .activateHold, title: "'hold'", report) else { return hold }
        section.integer("requests", report).map { hold.requests = $0 }
        section.size("bytes", report).map { hold.bytes = $0 }
        section.duration("timeout", report).map { hold.timeout = $0 }
        return hold
    }
}

extension Bounds {
    /// Stopping and starting a model server takes seconds: who stops it after less starts it all the time.
    static let idleAfter: ClosedRange<Duration> = .seconds(1)...timeout.upperBound
    static let heldRequests = 1...1_000_000
    /// Below a kilobyte not even a small request fits.
    static let heldBytes: ClosedRange<Int64> = 1 << 10...1 << 40
    /// Far beyond what anybody writes by hand, and far below what the kernel takes (execve(2)).
    static let execArguments = 1000
}
