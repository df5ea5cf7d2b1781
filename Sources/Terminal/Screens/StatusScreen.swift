/// `sluice status`: what a gateway is, and how it stands, as lines for a terminal.
package struct StatusScreen: Sendable {
    /// Where the state was asked for.
    package var source: String
    /// Seconds since 1970, as the gateway's own clock says, or else the one here.
    package var now: Double
    /// How the connection is, where that has to be said.
    package var notice: StyledLine?
    /// `nil` where it goes to a file or a pipe, and everything is shown whole.
    package var width: Int?
    /// `nil` where there may be any number of lines.
    package var height: Int?

    package init(source: String, now: Double, width: Int? = nil, height: Int? = nil) {
        self.source = source
        self.now = now
        self.width = width
        self.height = height
    }

    /// At most `height` lines of at most `width` columns.
    package func lines(_ state: LiveState) -> [StyledLine] {
        var head = Header(screen: self, state: state).lines
        if let width { head = head.map { $0.cut(to: width) } }
        var sections = [
            Section(RouteTable.make(state), one: "route", many: "routes", trouble: "with errors", isEssential: true),
            Section(BackendTable.make(state), one: "line", many: "lines", trouble: "not up", isEssential: true),
            Section(ErrorTable.make(state, now: now), one: "error", many: "errors", trouble: nil, isEssential: false),
        ].filter { !$0.table.rows.isEmpty }
        guard let height else {
            return sections.reduce(head) { $0 + [StyledLine()] + $1.lines(width: width, rows: nil) }
        }
        // On a small terminal what moves is worth more than where the configuration is.
        let most = max(2, height / 3)
        if head.count > most { head = Array(head.prefix(most)) }
        share(height - head.count, among: &sections)
        var lines = head
        for section in sections where section.room > 0 {
            if section.isApart { lines.append(StyledLine()) }
            lines += section.lines(width: width, rows: section.room)
        }
        return Array(lines.prefix(max(0, height)))
    }

    /// Everybody gets what is needed if that fits. If not, the small ones get theirs and the others share the rest.
    private func share(_ height: Int, among sections: inout [Section]) {
        var left = height
        let essential = sections.indices.filter { sections[$0].isEssential }
        var waiting = essential.sorted { sections[$0].need < sections[$1].need }
        // Blank lines between sections are the first to go.
        let isRoomy = essential.reduce(essential.count) { $0 + sections[$1].need } <= height
        if isRoomy { left -= essential.count }
        while !waiting.isEmpty {
            let next = waiting.removeFirst()
            let room = max(0, min(sections[next].need, left / (waiting.count + 1)))
            sections[next].room = room
            sections[next].isApart = isRoomy
            left -= room
        }
        // A title, a row and the blank line before them.
        for index in sections.indices where !sections[index].isEssential && left >= 3 {
            sections[index].isApart = true
            sections[index].room = min(sections[index].need, left - 1)
            left -= sections[index].room + 1
        }
    }
}

/// A table and what may be shown of it.
private struct Section {
    let table: Table
    let one: String
    let many: String
    /// What is wrong with the rows that are in trouble; `nil` where all are.
    let trouble: String?
    let isEssential: Bool
    var room = 0
    var isApart = false

    init(_ table: Table, one: String, many: String, trouble: String?, isEssential: Bool) {
        self.table = table
        self.one = one
        self.many = many
        self.trouble = trouble
        self.isEssential = isEssential
    }

    var need: Int { table.rows.count + 1 }

    /// - Parameter rows: lines there are for it, at least 1; `nil` for all.
    func lines(width: Int?, rows: Int?) -> [StyledLine] {
        let all = table.lines(width: width)
        guard let rows, all.count > rows else { return all }
        let kept = max(0, rows - 1)
        let hidden = table.rows.dropFirst(max(0, kept - 1))
        // Where there is a single line, it is for the count.
        var line = StyledLine("… \(hidden.count) more", .faint)
        if kept == 0 { line = StyledLine("\(hidden.count) \(hidden.count == 1 ? one : many)", .faint) }
        let troubled = hidden.count { $0.isTrouble }
        if let trouble, troubled > 0 { line.append(", \(troubled) \(trouble)", .bad) }
        return Array(all.prefix(kept)) + [width.map { line.cut(to: $0) } ?? line]
    }
}
