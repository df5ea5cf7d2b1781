import Base
import EventLoop
import HTTP
import Inference
import Telemetry
import Traffic

/// What is particular to gRPC calls: deadlines, routing by the model that a message names, and how errors are said.
extension Exchange {
    /// How long a call may be open before its first message, on which its route depends: streams are opened ahead of time.
    /// The same as a route's `idleTimeout` by default.
    private static let firstMessageWait = Nanoseconds.seconds(300)

    /// Finds out whether the request is a gRPC call (gRPC over HTTP/2, "Requests").
    ///
    /// - Returns: false for a call whose deadline cannot be read.
    func recogniseCall() -> Bool {
        guard head.method == .post, let type = head.first(.contentType), Inference.isGRPC(contentType: head.value(type))
        else { return true }
        isGRPC = true
        guard let field = head.first(named: "grpc-timeout") else { return true }
        guard let limit = GRPCTimeout.parse(head.value(field)) else { return false }
        callDeadline = startedAt + Nanoseconds(limit)
        return true
    }

    func forgetCall() {
        isGRPC = false
        grpcStatus = nil
        callDeadline = .never
        if let inspector { worker.giveInspector(inspector) }
        inspector = nil
        if let modelReader { worker.giveInspector(modelReader) }
        modelReader = nil
    }

    // MARK: Messages

    /// The route depends on the message, which is to be read first.
    func inspect(modelIsOptional: Bool) {
        let inspector = worker.takeInspector()
        inspector.begin(readsModel: true, modelIsOptional: modelIsOptional)
        self.inspector = inspector
        beginInspection()
    }

    /// The beginning of the body decides where it goes.
    func beginInspection() {
        phase = .inspecting
        askForBody()
        armInspection()
        client?.wake()
    }

    /// Once a message has begun, it is as a header is: it has to come.
    func armInspection() {
        let wait = requestBytes == 0 ? Self.firstMessageWait : client?.connection.listener.headerTimeout
        guard let wait else { return }
        if requestBytes == 0 || worker.loop.now + wait < deadline {
            worker.loop.setDeadline(self, min(worker.loop.now + wait, callDeadline))
        }
    }

    /// The message has said what it is for.
    func inspected() {
        guard let inspector, let target else { return }
        worker.loop.setDeadline(self, .never)
        phase = .deciding
        chooseRoute(target, model: .known(inspector.model, version: inspector.version))
    }

    /// The request is complete.
    ///
    /// - Returns: whether nothing is left to be done about it.
    func inspectEnd(_ inspector: GRPCInspector) -> Bool {
        if let refusal = inspector.end() {
            refuse(refusal)
            return true
        }
        guard phase == .inspecting else { return false }
        inspected()
        return true
    }

    /// From here on each message is bounded as the route says; the stream of them is not.
    func limitMessages(to limit: UInt64) -> GRPCRefusal? {
        if let inspector { return inspector.limitMessages(to: limit) }
        let inspector = worker.takeInspector()
        inspector.begin(readsModel: false, maxMessageBytes: limit)
        self.inspector = inspector
        return nil
    }

    func refuse(_ refusal: GRPCRefusal) {
        switch refusal.kind {
        case .invalidArgument: reject(.badRequest, refusal.reason)
        case .unimplemented: reject(.notImplemented, refusal.reason)
        case .resourceExhausted: reject(.bodyTooLarge, refusal.reason)
        }
    }

    // MARK: Status

    func noteStatus(_ head: MessageHead) {
        if let stated = head.grpcStatus { grpcStatus = stated }
    }

    /// The error as fields: of an answer that has nothing else, or of trailers.
    ///
    /// - Parameter status: `nil` for the one that stands for the cause's own.
    func addStatus(_ cause: Cause, _ text: String, _ status: GRPCStatus? = nil, to head: MessageHead) {
        let status = status ?? GRPCStatus(httpStatus: cause.status)
        grpcStatus = status
        var value = ByteBuffer()
        value.append(decimal: UInt64(status.rawValue))
        head.add("grpc-status", value.bytes)
        value.removeAll()
        var text = text
        text.withUTF8 { value.append(grpcMessage: UnsafeRawBufferPointer($0)) }
        head.add("grpc-message", value.bytes)
        if cause != .none { head.add("x-sluice-cause", staticBytes(cause.name)) }
    }

    /// Ends an answer that has begun with the reason why it is incomplete.
    func endCall(_ cause: Cause) {
        let trailers = worker.takeHead()
        trailers.reset()
        addStatus(cause, cause.message, to: trailers)
        client?.sendEnd(trailers: trailers)
        worker.giveHead(trailers)
    }
}

extension MessageHead {
    /// How a call ended, as an answer of trailers only or a trailer section says; `nil` where it says nothing.
    var grpcStatus: GRPCStatus? {
        guard let field = first(named: "grpc-status") else { return nil }
        // What is no status is one that nobody knows (gRPC over HTTP/2, "Responses").
        return GRPCStatus.parse(value(field)) ?? .unknown
    }
}
