import Base
import Configuration
import HTTP
import Traffic

/// Answers that the gateway makes on the operator's behalf, put together by what puts them together for clients.
extension DecisionMaker {
    /// - Parameter addFields: what the answer says by itself.
    func answer(status: Int, body: Int = 0, isPreflight: Bool = false, _ addFields: (MessageHead) -> Void)
        -> Decision.Answer
    {
        let answer = MessageHead()
        answer.beginAnswer(status: status, reason: "")
        addFields(answer)
        if let cors = route.cors.map(CORSPolicy.init) {
            cors.addFields(
                for: cors.crossOrigin(reading.head), of: reading.head, isPreflight: isPreflight, to: answer)
        }
        if let edits = HeaderEdits([route.responseHeaders]) {
            var scratch = ByteBuffer()
            variables(entry: "").withValues { edits.apply(to: answer, $0, scratch: &scratch) }
        }
        return Decision.Answer(status: status, headers: answer.shownFields, body: body)
    }

    func answer(_ fixed: Route.FixedResponse) -> Decision.Answer {
        answer(status: fixed.status, body: fixed.body.utf8.count) { answer in
            for header in fixed.headers { answer.add(header.name, header.value) }
        }
    }

    func variables(entry: String) -> Variables { Variables(reading, route, user: user, entry: entry) }

    // MARK: CORS

    var cors: Decision.Policy? {
        guard let cors = route.cors.map(CORSPolicy.init) else { return nil }
        let head = reading.head
        guard let field = head.first(named: "origin") else {
            return Decision.Policy("cors", "no Origin, nothing to say")
        }
        let origin = Shown.word(text(head.value(field)))
        let allowed = cors.crossOrigin(head)
        guard cors.isPreflight(head, from: allowed) else {
            return Decision.Policy("cors", allowed == nil ? "\(origin) is not allowed" : "\(origin) is allowed")
        }
        var scratch = ByteBuffer()
        let answer = answer(status: 204, isPreflight: true) {
            cors.addPreflightFields(for: allowed, of: head, to: $0, scratch: &scratch)
        }
        let says = allowed == nil ? "\(origin) is not allowed" : "\(origin) is told what it may do"
        return Decision.Policy("cors", "a preflight, \(says)", .answers(answer))
    }
}

extension MessageHead {
    func add(_ name: String, _ value: String) {
        var (name, value) = (name, value)
        name.withUTF8 { name in
            value.withUTF8 { add(UnsafeRawBufferPointer(name), UnsafeRawBufferPointer($0)) }
        }
    }
}
