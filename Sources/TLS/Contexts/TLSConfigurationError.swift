/// What was read wrongly, or is worth a warning: for whoever writes the configuration.
package struct TLSConfigurationError: Error, Sendable, Equatable {
    /// Which of the settings is meant.
    package enum Part: Sendable, Equatable {
        /// The certificate chain at this place of the list; a client's only one is 0.
        case certificate(Int)
        /// The private key that belongs to it.
        case privateKey(Int)
        /// The certificates by which the peer's are judged.
        case authorities
        /// The list of application protocols.
        case alpn
    }

    package let part: Part
    /// What is wrong and what to do instead, to be put behind the name of the file; nothing of a key.
    package let message: String

    package init(_ part: Part, _ message: String) {
        self.part = part
        self.message = message
    }

    /// What OpenSSL says about a setting it has just refused; empties the queue.
    static func current(_ part: Part, _ what: String) -> TLSConfigurationError {
        let words = ErrorQueue.take().map(ErrorQueue.text) ?? "no reason given"
        return TLSConfigurationError(part, "\(what): \(words)")
    }
}
