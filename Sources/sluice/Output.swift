import ArgumentParser
import Glibc
import Terminal

/// Standard output of commands that fit what they show to the terminal, where there is one.
struct Output {
    /// Whether somebody looks at it as it comes.
    let isTerminal: Bool
    /// Whether the terminal can do more than print lines.
    let canRedraw: Bool
    let isColoured: Bool

    init() {
        isTerminal = isatty(STDOUT_FILENO) == 1
        let isDumb = Self.variable("TERM").map { $0 == "dumb" } ?? true
        canRedraw = isTerminal && !isDumb
        // no-color.org: set and not empty, whatever it says.
        isColoured = canRedraw && (Self.variable("NO_COLOR") ?? "").isEmpty
    }

    /// Of the terminal as it is now; `nil` where there is none or it does not know.
    var size: (width: Int, height: Int)? {
        var size = winsize()
        guard isTerminal, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return nil
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    func text(_ lines: [StyledLine]) -> String {
        lines.map { $0.text(coloured: isColoured) + "\n" }.joined()
    }

    func print(_ lines: [StyledLine]) throws { try print(Array(text(lines).utf8)) }

    func print(_ bytes: [UInt8]) throws {
        switch Self.write(bytes) {
        case nil: return
        case EPIPE: Self.endByPipe()
        case let number?:
            Console.complain("sluice: the result cannot be written: \(String(cString: strerror(number)))")
            throw ExitCode(1)
        }
    }

    /// - Returns: the error number; `nil` when all is written.
    static func write(_ bytes: [UInt8]) -> Int32? {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN {
                // Somebody else made the terminal non-blocking.
                var poll = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
                Glibc.poll(&poll, 1, -1)
                continue
            }
            guard count > 0 else { return errno }
            written += count
        }
        return nil
    }

    /// Ends as a filter does whose reader has had enough, such as `head`.
    static func endByPipe() -> Never {
        signal(SIGPIPE, SIG_DFL)
        raise(SIGPIPE)
        exit(1)
    }

    private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}

extension Output {
    /// JSON as the gateway sent it, once it is known to be JSON.
    func printJSON(_ bytes: [UInt8]) throws {
        var bytes = Shown.json(bytes)
        if bytes.last != 0x0A { bytes.append(0x0A) }
        try print(bytes)
    }
}
