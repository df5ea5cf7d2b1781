import ArgumentParser
import Glibc
import Terminal

/// The terminal's error side; what a command prints as its result goes to standard output.
enum Console {
    static func complain(_ text: String, newline: Bool = true) {
        let bytes = Array((newline ? text + "\n" : text).utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}

extension Console {
    /// Says what went wrong, and how the process is to end.
    static func failure(_ error: any Error) -> any Error {
        guard let failure = error as? AdminFailure else { return error }
        complain("sluice: \(Shown.text(failure.message))")
        return ExitCode(1)
    }
}
