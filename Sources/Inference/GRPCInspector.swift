import Base

/// Reads the request body of one gRPC call as it passes: bounds its messages and, where a route asks for it, finds out
/// which model the call is for. It holds no bytes but that name.
///
/// The first message decides, within the first `window` bytes of the body. Everything after that is walked as well, so
/// that no server can come to another decision: what would contradict the first reading is refused. How the body is cut
/// into pieces makes no difference.
package final class GRPCInspector {
    /// What a gateway holds back of a call before it has to know the model. Names stand in front of the tensors in what
    /// the usual clients send.
    package static let window = 64 * 1024

    /// Whether `model` and `version` are final; at once where no model is to be read.
    package private(set) var isDecided = true

    private var scanner = GRPCMessageScanner()
    private var walker = ModelFieldWalker(length: 0)
    private var modelName = ByteBuffer()
    private var versionName = ByteBuffer()
    private var hasModel = false
    private var hasVersion = false
    /// Bytes of a later message's name that were equal to the first one's.
    private var compared = 0
    /// The messages are read for the model they name.
    package private(set) var readsModel = false
    private var modelIsOptional = false
    private var isFirstMessage = true
    private var windowLeft = 0
    private var maxMessageBytes = UInt64.max
    private var longestMessage: UInt64 = 0
    private var refusal: GRPCRefusal?

    package init() {}

    /// The model's name, once that is decided; never empty then, if a model is read and not optional. Valid until the next `begin`.
    package var model: UnsafeRawBufferPointer { modelName.bytes }

    /// The model's version, once that is decided; empty if the call names none. Valid until the next `begin`.
    package var version: UnsafeRawBufferPointer { versionName.bytes }

    /// Forgets the previous call.
    ///
    /// - Parameters:
    ///   - readsModel: whether fields 1 and 2 of the messages name a model (`GRPCMethod.namesModel`) and a route cares.
    ///   - modelIsOptional: a message may name none, which is then decided: the model is empty.
    ///   - maxMessageBytes: of one message without its prefix, as it is sent; `nil` for no limit.
    package func begin(readsModel: Bool, modelIsOptional: Bool = false, maxMessageBytes: UInt64? = nil) {
        self.readsModel = readsModel
        self.modelIsOptional = modelIsOptional
        self.maxMessageBytes = maxMessageBytes ?? .max
        isDecided = !readsModel
        scanner = GRPCMessageScanner()
        modelName.removeAll()
        versionName.removeAll()
        hasModel = false
        hasVersion = false
        isFirstMessage = true
        windowLeft = readsModel ? Self.window : 0
        longestMessage = 0
        refusal = nil
    }

    /// Sets another limit, such as that of the route the model led to. It also holds for what has already been read.
    package func limitMessages(to maxMessageBytes: UInt64?) -> GRPCRefusal? {
        self.maxMessageBytes = maxMessageBytes ?? .max
        return settle(checkLength())
    }

    /// Takes the next bytes of the body. A refusal is final: every later call repeats it.
    package func feed(_ bytes: UnsafeRawBufferPointer) -> GRPCRefusal? {
        if refusal != nil || bytes.isEmpty { return refusal }
        if windowLeft == 0 { return settle(scan(bytes)) }
        let inside = min(windowLeft, bytes.count)
        windowLeft &-= inside
        if let found = scan(UnsafeRawBufferPointer(rebasing: bytes[..<inside])) { return settle(found) }
        if windowLeft > 0 { return nil }
        if let found = closeWindow() { return settle(found) }
        return settle(scan(UnsafeRawBufferPointer(rebasing: bytes[inside...])))
    }

    /// The body is complete. A last message that is not is left to the server, if it is known which one that is.
    package func end() -> GRPCRefusal? {
        if refusal != nil || isDecided { return refusal }
        return settle(
            GRPCRefusal(
                .invalidArgument,
                scanner.isInsideMessage ? "a gRPC message that is incomplete" : "a call without a gRPC message"))
    }

    private func settle(_ found: GRPCRefusal?) -> GRPCRefusal? {
        if refusal == nil { refusal = found }
        return refusal
    }

    private func scan(_ bytes: UnsafeRawBufferPointer) -> GRPCRefusal? {
        var offset = 0
        while true {
            switch scanner.next(bytes, from: &offset) {
            case .needMore: return nil
            case .start(let length, let isCompressed):
                if let found = start(length, isCompressed) { return found }
            case .data(let amount):
                let end = offset &+ amount
                if readsModel, let found = walk(UnsafeRawBufferPointer(rebasing: bytes[offset..<end])) { return found }
                offset = end
            case .end:
                if readsModel, let found = endMessage() { return found }
            case .failed(let reason): return GRPCRefusal(.invalidArgument, reason)
            }
        }
    }

    private func start(_ length: UInt32, _ isCompressed: Bool) -> GRPCRefusal? {
        longestMessage = max(longestMessage, UInt64(length))
        if let found = checkLength() { return found }
        guard readsModel else { return nil }
        if isCompressed { return GRPCRefusal(.unimplemented, "compressed messages cannot be routed by model") }
        walker = ModelFieldWalker(length: length)
        return nil
    }

    private func checkLength() -> GRPCRefusal? {
        longestMessage > maxMessageBytes ? GRPCRefusal(.resourceExhausted, "a gRPC message above the limit") : nil
    }

    private func walk(_ bytes: UnsafeRawBufferPointer) -> GRPCRefusal? {
        var offset = 0
        while true {
            switch walker.next(bytes, from: &offset) {
            case .needMore: return nil
            case .name(let field, let length):
                if let found = startName(field, length) { return found }
            case .data(let field, let amount):
                let end = offset &+ amount
                if let found = takeName(field, UnsafeRawBufferPointer(rebasing: bytes[offset..<end])) { return found }
                offset = end
            case .nameEnd(let field):
                if isFirstMessage, let found = endName(field) { return found }
            case .failed(let reason): return GRPCRefusal(.invalidArgument, reason)
            }
        }
    }

    private func startName(_ field: ModelFieldWalker.Field, _ length: Int) -> GRPCRefusal? {
        if isFirstMessage {
            // Not a repeated field, which the walker refuses: this one was absent when the decision fell.
            if isDecided { return Self.tooLate(field) }
            return field == .model && length == 0 && !modelIsOptional ? Self.noModel : nil
        }
        compared = 0
        return length == name(field).count ? nil : Self.otherModel
    }

    private func takeName(_ field: ModelFieldWalker.Field, _ bytes: UnsafeRawBufferPointer) -> GRPCRefusal? {
        if isFirstMessage {
            if field == .model { modelName.append(bytes) } else { versionName.append(bytes) }
            return nil
        }
        // Within the name: `startName` has seen that the lengths are equal.
        let part = UnsafeRawBufferPointer(rebasing: name(field)[compared..<(compared &+ bytes.count)])
        compared &+= bytes.count
        return equals(part, bytes) ? nil : Self.otherModel
    }

    private func name(_ field: ModelFieldWalker.Field) -> UnsafeRawBufferPointer { field == .model ? model : version }

    private func endName(_ field: ModelFieldWalker.Field) -> GRPCRefusal? {
        guard ModelName.isValid(name(field)) else {
            return GRPCRefusal(.invalidArgument, "a model name or version with invalid characters")
        }
        if field == .model { hasModel = true } else { hasVersion = true }
        if hasModel && hasVersion { isDecided = true }
        return nil
    }

    private func endMessage() -> GRPCRefusal? {
        if isFirstMessage {
            guard hasModel || modelIsOptional else { return Self.noModel }
            isFirstMessage = false
            isDecided = true
            return nil
        }
        guard walker.has(.model) || modelName.isEmpty, walker.has(.version) || versionName.isEmpty else {
            return Self.otherModel
        }
        return nil
    }

    /// The first 64 KiB have been read.
    private func closeWindow() -> GRPCRefusal? {
        if isDecided { return nil }
        guard hasModel else { return Self.tooLate(.model) }
        if walker.isInsideName { return Self.tooLate(.version) }
        isDecided = true
        return nil
    }
}

extension GRPCInspector {
    private static var noModel: GRPCRefusal { GRPCRefusal(.invalidArgument, "a message without a model name") }
    private static var otherModel: GRPCRefusal {
        GRPCRefusal(.invalidArgument, "a message for another model or version than the first one of its stream")
    }

    private static func tooLate(_ field: ModelFieldWalker.Field) -> GRPCRefusal {
        switch field {
        case .model: GRPCRefusal(.invalidArgument, "a model name that is not within the first 64 KiB")
        case .version: GRPCRefusal(.invalidArgument, "a model version that is not within the first 64 KiB")
        }
    }
}
