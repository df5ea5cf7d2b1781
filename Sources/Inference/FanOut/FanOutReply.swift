/// What one endpoint made of a request that went to every endpoint.
package struct FanOutReply: Sendable {
    /// Its address.
    package var endpoint: String
    package var outcome: Outcome

    package enum Outcome: Sendable {
        /// It has answered. `grpcStatus` and `grpcMessage` are those of a call.
        case answered(Answer)
        /// There is no answer.
        case failed(Failure, reason: String)
    }

    package struct Answer: Sendable {
        /// 200...599
        package var status: Int
        package var contentType = ""
        package var body: [UInt8] = []
        package var grpcStatus: GRPCStatus?
        /// Not encoded.
        package var grpcMessage = ""

        package init(status: Int) { self.status = status }
    }

    /// In the order in which they outweigh each other.
    package enum Failure: Int, Sendable, CaseIterable {
        case reset, `protocol`, timeout, tls, connect
    }

    package init(endpoint: String, outcome: Outcome) {
        self.endpoint = endpoint
        self.outcome = outcome
    }
}

/// The one answer that is made of those of all endpoints.
package struct FanOutAnswer: Sendable, Equatable {
    /// Of an answer that is no call's; of a call 200.
    package var status: Int
    package var contentType: String
    package var body: [UInt8]
    package var grpcStatus: GRPCStatus?
    package var grpcMessage = ""
    /// Not every endpoint could be asked: the worst of why.
    package var failure: FanOutReply.Failure?
}
