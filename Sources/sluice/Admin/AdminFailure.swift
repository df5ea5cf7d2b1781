import API
import ControlClient

/// Why a call to a gateway came to nothing, as a sentence that says what to do about it.
struct AdminFailure: Error {
    /// May hold what a server said, unchecked.
    let message: String
    /// Of the answer; `nil` where there was none.
    var status: Int?

    /// Characters of what a server says that are repeated: a few lines.
    private static let longestQuote = 2000

    init(_ message: String, status: Int? = nil) {
        self.message = message
        self.status = status
    }

    /// What the body of an error says; `nil` where it says nothing.
    static func words(_ response: ControlClient.Response) -> String? {
        guard let problem = AdminClient.decode(Problem.self, response.body), !problem.error.isEmpty else { return nil }
        let scalars = problem.error.unicodeScalars
        guard scalars.count > longestQuote else { return problem.error }
        return String(String.UnicodeScalarView(scalars.prefix(longestQuote))) + "…"
    }
}

extension AdminClient {
    /// There is no answer.
    func explain(_ failure: ControlClient.Failure) -> AdminFailure {
        switch failure.kind {
        case .connect:
            AdminFailure(
                "\(failure); is the gateway running, and is \(address) its admin address? Say another with --admin or "
                    + "SLUICE_ADMIN")
        case .tls where failure.description.contains("wrong version number"):
            AdminFailure("\(failure); it seems to speak without TLS: write http:// instead")
        case .tls:
            AdminFailure("\(failure); --ca names the file of an authority that the system does not know")
        case .reset where !address.isSecure:
            AdminFailure("\(failure); if it speaks TLS write https:// instead")
        case .protocol:
            AdminFailure("\(failure); is \(address) the admin address of a Sluice?")
        default:
            AdminFailure(failure.description)
        }
    }

    /// There is an answer, and it is none that was hoped for.
    func explain(_ response: ControlClient.Response, _ path: String) -> AdminFailure {
        let words = AdminFailure.words(response)
        return AdminFailure(sentence(response, path, words), status: response.status)
    }

    private func sentence(_ response: ControlClient.Response, _ path: String, _ words: String?) -> String {
        // A listener for clients answers with a cause; the admin listener has none.
        if response.header("x-sluice-cause") != nil {
            return
                "\(address) is a listener for clients and not the admin address, which is `admin: { address: … }` in "
                + "the configuration"
        }
        switch response.status {
        case 401:
            guard let user else {
                return "\(address) asks for a password: set SLUICE_ADMIN_USER and SLUICE_ADMIN_PASSWORD, or add "
                    + "'machine \(address.machine) login USER password PASSWORD' to ~/.netrc"
            }
            return "\(address) does not accept the password of '\(user)': check SLUICE_ADMIN_USER and "
                + "SLUICE_ADMIN_PASSWORD"
        case 403: return "\(address) refuses: \(words ?? "it does not say why")"
        case 404:
            return "\(address) has nothing at \(path): \(words ?? "is it the admin address of a Sluice?")"
        case 429:
            let seconds = response.header("retry-after").flatMap { Int($0) }.map { "in \($0) s" } ?? "later"
            return "\(address) refuses after too many wrong passwords; try again \(seconds)"
        default:
            return words ?? "\(address) answers \(response.status) to \(path): is it the admin address of a Sluice?"
        }
    }
}
