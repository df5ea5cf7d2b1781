import Dispatch
import Glibc
import Terminal

/// A terminal that is drawn over again and again, and is left as it was found. Used on one queue.
final class Screen {
    private let output: Output
    private var before: termios?
    private var keys: (any DispatchSourceRead)?
    private var isOurs = false

    /// The other screen, so that the shell's is untouched; no cursor; nothing wraps, should a character be wider than
    /// it ought to.
    private static let enter = "\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l"
    private static let leave = "\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l"
    /// Ctrl-D, and what ends top(1) and less(1).
    private static let endings = Array("qQ\u{4}".utf8)

    init(_ output: Output) { self.output = output }

    /// - Parameter end: called on `queue` when a key says so.
    func open(queue: DispatchQueue, end: @escaping @Sendable () -> Void) {
        takeOver()
        guard isatty(STDIN_FILENO) == 1 else { return }
        let keys = DispatchSource.makeReadSource(fileDescriptor: STDIN_FILENO, queue: queue)
        keys.setEventHandler { [unowned self] in
            var bytes = [UInt8](repeating: 0, count: 64)
            let count = read(STDIN_FILENO, &bytes, bytes.count)
            // Without a terminal to type on nothing comes any more.
            guard count > 0 else {
                self.keys?.cancel()
                return
            }
            if bytes[..<count].contains(where: Self.endings.contains) { end() }
        }
        keys.activate()
        self.keys = keys
    }

    /// Draws a frame: each line over the one that was there, so that nothing flickers.
    ///
    /// - Returns: the error number; `nil` when it is drawn.
    func draw(_ lines: [StyledLine]) -> Int32? {
        var frame = "\u{1B}[H"
        for (index, line) in lines.enumerated() {
            frame += (index == 0 ? "" : "\r\n") + line.text(coloured: output.isColoured) + "\u{1B}[K"
        }
        return Output.write(Array((frame + "\u{1B}[J").utf8))
    }

    /// Ctrl-Z: gives the terminal back, stops, and goes on where the shell says so.
    func suspend() {
        giveBack()
        // To this thread: it stops right here, and the others with it.
        raise(SIGSTOP)
        takeOver()
    }

    func giveBack() {
        guard isOurs else { return }
        isOurs = false
        _ = Output.write(Array(Self.leave.utf8))
        if var before { tcsetattr(STDIN_FILENO, TCSANOW, &before) }
        before = nil
    }

    private func takeOver() {
        isOurs = true
        // Keys are ours while we are in front, and are not shown.
        var current = termios()
        if isatty(STDIN_FILENO) == 1, tcgetpgrp(STDIN_FILENO) == getpgrp(), tcgetattr(STDIN_FILENO, &current) == 0 {
            before = current
            current.c_lflag &= ~tcflag_t(ECHO | ICANON)
            tcsetattr(STDIN_FILENO, TCSANOW, &current)
        }
        _ = Output.write(Array(Self.enter.utf8))
    }
}
