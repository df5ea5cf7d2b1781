/// The memory control group of a process, of version 1 or 2 (cgroups(7)): where its files are, and what they say.
package enum ControlGroup {
    package enum Version: Sendable { case one, two }

    /// A directory with the files of one group.
    package struct Directory: Sendable, Equatable {
        package var path: String
        package var version: Version

        /// Holds the bytes that may be used, or a word or number for "no limit".
        package var limitFile: String {
            path + (version == .two ? "/memory.max" : "/memory.limit_in_bytes")
        }

        package var usageFile: String {
            path + (version == .two ? "/memory.current" : "/memory.usage_in_bytes")
        }

        package var statisticsFile: String { path + "/memory.stat" }
    }

    /// Above that version 1 means "none": it writes the largest number of whole pages.
    private static let unlimited = 1 << 60

    /// The process's own group and those above it, as far as they are visible, innermost first: each may have a limit.
    ///
    /// - Parameters:
    ///   - membership: the text of /proc/self/cgroup.
    ///   - mounts: the text of /proc/self/mountinfo.
    package static func directories(membership: String, mounts: String) -> [Directory] {
        var found: [Directory] = []
        for line in membership.split(separator: "\n") {
            // number:controllers:path, with number 0 and no controllers for version 2.
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let version: Version
            if parts[1].isEmpty {
                version = .two
            } else if parts[1].split(separator: ",").contains("memory") {
                version = .one
            } else {
                continue
            }
            guard let (root, point) = mount(of: version, in: mounts), let inside = tail(of: parts[2], below: root)
            else { continue }
            var steps = inside.split(separator: "/")
            while true {
                found.append(
                    Directory(path: ([point] + steps.map(String.init)).joined(separator: "/"), version: version))
                if steps.popLast() == nil { break }
            }
        }
        return found
    }

    /// Where the hierarchy is mounted, and which of its groups is the topmost one there: in a container often the own one.
    private static func mount(of version: Version, in mounts: String) -> (root: Substring, point: String)? {
        for line in mounts.split(separator: "\n") {
            // id parent device root point options… - type source super-options (proc(5))
            let fields = line.split(separator: " ")
            guard let dash = fields.firstIndex(of: "-"), dash >= 6, fields.count > dash + 3 else { continue }
            let isWanted =
                version == .two
                ? fields[dash + 1] == "cgroup2"
                : fields[dash + 1] == "cgroup" && fields[dash + 3].split(separator: ",").contains("memory")
            if isWanted { return (fields[3], String(fields[4])) }
        }
        return nil
    }

    private static func tail(of path: Substring, below root: Substring) -> Substring? {
        if root == "/" { return path }
        guard path.hasPrefix(root) else { return path == "/" ? "" : nil }
        let rest = path.dropFirst(root.count)
        return rest.isEmpty || rest.hasPrefix("/") ? rest : nil
    }

    /// The bytes a limit file allows; `nil` for no limit.
    package static func limit(_ text: String) -> Int? {
        guard let bytes = number(text), bytes > 0, bytes < unlimited else { return nil }
        return bytes
    }

    /// Bytes of a group that the kernel cannot take back when they are wanted: all but pages of files. Socket buffers and
    /// what other processes of the group use are among them.
    package static func used(usage: String, statistics: String, version: Version) -> Int? {
        guard let usage = number(usage) else { return nil }
        let prefix = version == .two ? "" : "total_"
        var files = 0
        for line in statistics.split(separator: "\n") {
            let parts = line.split(separator: " ")
            guard parts.count == 2, let bytes = Int(parts[1]) else { continue }
            if parts[0] == prefix + "inactive_file" || parts[0] == prefix + "active_file" { files += max(0, bytes) }
        }
        return max(0, usage - files)
    }

    private static func number(_ text: String) -> Int? {
        text.split { $0 == "\n" || $0 == " " }.first.flatMap { Int($0) }
    }
}
