/// Makes one answer of several.
///
/// Equal answers are one answer. Lists, such as the index of a model repository, become one list. Others that differ are
/// shown side by side. If one endpoint failed, the whole has failed, and the answer says where and why.
package enum FanOutMerge {
    /// What is said of one endpoint in a message, in characters; what Triton says of a model that fails to load may be a whole
    /// stack of calls.
    private static let longestReason = 500
    /// Endpoints whose reasons are told in the one sentence.
    private static let mostReasons = 16

    /// - Parameter replies: at least one.
    package static func http(_ replies: [FanOutReply]) -> FanOutAnswer {
        let failed = replies.filter { $0.failure != nil || !(200..<300).contains($0.answer?.status ?? 0) }
        if !failed.isEmpty { return httpFailure(replies, failed) }
        let answers = replies.compactMap(\.answer)
        let first = answers.first ?? FanOutReply.Answer(status: 200)
        var merged = FanOutAnswer(status: first.status, contentType: first.contentType, body: first.body)
        if answers.allSatisfy({ $0.status == first.status && $0.body == first.body }) { return merged }
        // Some say that there is no content, and there is.
        if !answers.allSatisfy({ $0.status == first.status }) { merged.status = 200 }
        merged.contentType = "application/json"
        let lists = answers.compactMap { JSONText.elements($0.body) }
        merged.body = lists.count == answers.count ? union(lists) : sideBySide(replies)
        return merged
    }

    /// - Parameters:
    ///   - replies: at least one.
    ///   - isIndex: whether the messages of answers consist of repeated fields, as `RepositoryIndexResponse` does.
    package static func grpc(_ replies: [FanOutReply], isIndex: Bool) -> FanOutAnswer {
        var merged = FanOutAnswer(status: 200, contentType: "application/grpc", body: [], grpcStatus: .ok)
        let failed = replies.filter { $0.failure != nil || $0.answer?.callStatus != .ok }
        if !failed.isEmpty {
            merged.failure = failed.compactMap(\.failure).max { $0.rawValue < $1.rawValue }
            merged.grpcStatus =
                merged.failure.map { $0 == .timeout ? .deadlineExceeded : .unavailable } ?? failed[0].answer?.callStatus
            merged.grpcMessage = sentence(failed, of: replies.count)
            return merged
        }
        let bodies = replies.compactMap { $0.answer?.body }
        merged.body = bodies.first ?? []
        if bodies.allSatisfy({ $0 == merged.body || GRPCFields.areSame($0, merged.body) }) { return merged }
        if isIndex, let union = GRPCFields.union(bodies) {
            merged.body = union
            return merged
        }
        merged.body = []
        merged.grpcStatus = .failedPrecondition
        merged.grpcMessage = "the endpoints answer differently, ask each by itself, or over HTTP for all answers"
        return merged
    }

    // MARK: JSON

    private static func union(_ lists: [[ArraySlice<UInt8>]]) -> [UInt8] {
        var seen: Set<ArraySlice<UInt8>> = []
        let elements = lists.joined().filter { seen.insert($0).inserted }
        return [UInt8(ascii: "[")] + elements.joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: "]")]
    }

    /// `{"endpoints":[{"endpoint":"10.0.0.7:8000","status":200,"answer":…}]}`
    private static func sideBySide(_ replies: [FanOutReply], _ beginning: [UInt8] = []) -> [UInt8] {
        var text = [UInt8(ascii: "{")] + beginning + Array("\"endpoints\":[".utf8)
        for (index, reply) in replies.enumerated() {
            text += Array(index == 0 ? "{\"endpoint\":".utf8 : ",{\"endpoint\":".utf8)
            text.append(jsonString: reply.endpoint)
            if let answer = reply.answer {
                text += Array(",\"status\":\(answer.status),\"answer\":".utf8)
                if JSONText.isValue(answer.body) {
                    text += answer.body
                } else {
                    text.append(jsonString: cut(String(decoding: answer.body, as: UTF8.self)))
                }
            } else {
                text += Array(",\"error\":".utf8)
                text.append(jsonString: reply.reason)
            }
            text.append(UInt8(ascii: "}"))
        }
        return text + Array("]}".utf8)
    }

    // MARK: Failures

    private static func httpFailure(_ replies: [FanOutReply], _ failed: [FanOutReply]) -> FanOutAnswer {
        let worst = failed.compactMap(\.failure).max { $0.rawValue < $1.rawValue }
        let status = worst == nil ? failed.compactMap { $0.answer?.status }.max() ?? 502 : worst == .timeout ? 504 : 502
        var error = Array("\"error\":".utf8)
        error.append(jsonString: sentence(failed, of: replies.count))
        error.append(UInt8(ascii: ","))
        return FanOutAnswer(
            status: status, contentType: "application/json", body: sideBySide(replies, error), failure: worst)
    }

    /// `2 of 3 endpoints: 10.0.0.7:8000: failed to load 'm'; 10.0.0.8:8000: …`
    private static func sentence(_ failed: [FanOutReply], of count: Int) -> String {
        var parts = failed.prefix(mostReasons).map { "\($0.endpoint): \($0.reason)" }
        if failed.count > mostReasons { parts.append("and \(failed.count - mostReasons) more") }
        return "\(failed.count) of \(count) endpoints: \(parts.joined(separator: "; "))"
    }

    fileprivate static func cut(_ text: String) -> String {
        text.count > longestReason ? text.prefix(longestReason) + "…" : text
    }
}

extension FanOutReply {
    fileprivate var answer: Answer? { if case .answered(let answer) = outcome { answer } else { nil } }

    fileprivate var failure: Failure? { if case .failed(let failure, _) = outcome { failure } else { nil } }

    /// Why it has failed: Triton's own words, as far as it has any.
    fileprivate var reason: String {
        switch outcome {
        case .failed(_, let reason): FanOutMerge.cut(reason)
        case .answered(let answer):
            if let status = answer.grpcStatus, status != .ok {
                FanOutMerge.cut(answer.grpcMessage.isEmpty ? "gRPC status \(status.rawValue)" : answer.grpcMessage)
            } else if let error = JSONText.text(of: "error", in: answer.body) {
                FanOutMerge.cut(error)
            } else {
                "status \(answer.status)"
            }
        }
    }
}

extension FanOutReply.Answer {
    /// What a call ended with; an answer that does not say is none.
    fileprivate var callStatus: GRPCStatus {
        status == 200 ? grpcStatus ?? .unknown : GRPCStatus(httpStatus: status)
    }
}
