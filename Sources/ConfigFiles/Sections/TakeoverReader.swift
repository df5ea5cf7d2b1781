import Configuration

/// Where a newer process takes over.
extension GatewayReader {
    /// The absolute path of the socket.
    func takeoverSocket(_ entry: YAMLNode.Entry) -> String? {
        guard let section = Section(entry.value, .takeover, title: "'takeover'", report) else { return nil }
        guard let text = section.text("socket", report) else {
            if !section.has("socket") {
                report.error(section.position, "'takeover' needs a socket, write 'socket: /run/sluice/takeover.sock'")
            }
            return nil
        }
        let position = section.valuePosition(of: "socket", report)
        guard !text.hasPrefix("unix:") else {
            report.error(position, "'socket' is a path, leave 'unix:' out")
            return nil
        }
        let file = report.name(of: position.file)
        let path = FilePath.absolute(FilePath.resolve(text, relativeTo: file))
        guard path.utf8.count <= Bounds.socketPathBytes else {
            report.error(
                position,
                "'socket' is \(Wording.quoted(path, upTo: Wording.longestPath)), which has \(path.utf8.count) bytes, and "
                    + "the path of a socket has at most \(Bounds.socketPathBytes), write a shorter one")
            return nil
        }
        return path
    }
}

extension Bounds {
    /// `sun_path` has 108 with the NUL behind it, unix(7).
    static let socketPathBytes = 107
    /// Below that there is no room for the work of a busy gateway beside the gateway itself.
    static let memoryLimit: ClosedRange<Int64> = 64 << 20...1 << 50
}
