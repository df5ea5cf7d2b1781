import Glibc

/// The terminal's error side; what a command prints as its result goes to standard output.
enum Console {
    static func complain(_ text: String, newline: Bool = true) {
        let bytes = Array((newline ? text + "\n" : text).utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}
