import ArgumentParser
import Credentials
import Glibc

struct Passwd: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print an htpasswd line (bcrypt); the password is read without echo.",
        discussion: """
            Without a terminal the password is the first line of standard input.

            Example:
              sluice passwd ann >> users.htpasswd
            """)

    @Argument(help: "The user's name.")
    var user: String

    func run() throws {
        if let problem = HtpasswdFile.problem(withUser: user) { throw ValidationError(problem) }
        let password: [UInt8]
        if isatty(STDIN_FILENO) == 1 {
            password = try Self.ask("Password: ")
            guard try Self.ask("Again: ") == password else { throw ValidationError("the passwords differ") }
        } else {
            password = Self.line()
        }
        guard !password.isEmpty else { throw ValidationError("an empty password protects nothing") }
        let hash = password.withUnsafeBytes { bytes in
            Result { () throws(PasswordHash.Refusal) in try PasswordHash.bcrypt(password: bytes) }
        }
        switch hash {
        case .success(let hash): print("\(user):\(hash)")
        case .failure(let refusal): throw ValidationError(refusal.message)
        }
    }

    /// Reads a line from the terminal with echo off, whatever happens in between.
    private static func ask(_ prompt: String) throws -> [UInt8] {
        var before = termios()
        guard tcgetattr(STDIN_FILENO, &before) == 0 else { throw ValidationError("the terminal cannot be set up") }
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
        defer {
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &before)
            Console.complain("")
        }
        Console.complain(prompt, newline: false)
        return line()
    }

    private static func line() -> [UInt8] { readLine(strippingNewline: true).map { Array($0.utf8) } ?? [] }
}
