import Base
import Configuration
import HTTP
import Traffic

/// What a route changes about the header of its answers, the endpoints' and the gateway's own.
extension Exchange {
    /// - Parameter isOwn: made by the gateway, so that what an entry says of its endpoints does not apply.
    func editAnswer(_ answer: MessageHead, isOwn: Bool) {
        guard let route else { return }
        let policies = route.policies
        let changes = isOwn ? nil : entry.flatMap { route.entries[$0].changes }
        guard policies != nil || changes != nil else { return }
        let entryEdits = changes?.answerEdits
        answer.removeNominated()
        if let cors = policies?.cors {
            if !isOwn { cors.removeFields(from: answer, to: crossOrigin) }
            cors.addFields(for: crossOrigin, of: head, isPreflight: isPreflight, to: answer)
        }
        if let newAffinity, let sticky = policies?.sticky { addAffinity(newAffinity, sticky, to: answer) }
        guard policies?.answerEdits != nil || entryEdits != nil else { return }
        withHeaderVariables(entryName) { values in
            policies?.answerEdits?.apply(to: answer, values, scratch: &worker.valueScratch)
            entryEdits?.apply(to: answer, values, scratch: &worker.valueScratch)
        }
    }

    /// Whole seconds until there is room again (RFC 9110 section 10.2.3), at least one.
    func addRetryAfter(to answer: MessageHead) {
        worker.valueScratch.removeAll()
        worker.valueScratch.append(decimal: max(1, (retryAfter.count &+ 999_999_999) / 1_000_000_000))
        answer.add("Retry-After", worker.valueScratch.bytes)
    }

    private func addAffinity(_ affinity: UInt64, _ sticky: RouteSticky, to answer: MessageHead) {
        guard case .cookie(let name) = sticky.key else { return }
        worker.valueScratch.removeAll()
        worker.valueScratch.append(name)
        worker.valueScratch.append("=")
        worker.valueScratch.append(hex: affinity)
        worker.valueScratch.append("; Path=/; HttpOnly; SameSite=Lax")
        if let seconds = sticky.cookieSeconds {
            worker.valueScratch.append("; Max-Age=")
            worker.valueScratch.append(decimal: seconds)
        }
        if isSecure { worker.valueScratch.append("; Secure") }
        answer.add("Set-Cookie", worker.valueScratch.bytes)
    }
}
