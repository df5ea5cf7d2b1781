import Base
import Configuration
import EventLoop
import HTTP
import Inference
import Synchronization
import Telemetry
import Traffic

/// What a request asks of the endpoint it goes to: what it is balanced by, and the model it is for.
extension Exchange {
    /// Goes on under a configuration that differs in what names stand for, and in nothing else. Only while it waits.
    func follow(_ old: LoopConfiguration, _ new: LoopConfiguration) {
        guard configuration === old, let entry, let index = old.routes.firstIndex(where: { $0 === route }),
            index < new.routes.count, entry < new.routes[index].entries.count
        else { return }
        configuration = new
        route = new.routes[index]
        pool = new.routes[index].entries[entry].pool
        // By their places in the old list.
        tried.removeAll()
    }

    /// The backend that it is held for is elsewhere, or what can be waited for has changed.
    func follow(_ next: BackendPool?) {
        guard let next else { return }
        pool = next
        // By their places in the old list.
        tried.removeAll()
    }

    var wish: BackendPool.Wish {
        var wish = BackendPool.Wish(isGRPC: isGRPC, key: hashKey, tried: tried)
        if worker.hasOutages, let pool, let model = modelKey {
            let now = worker.loop.now
            for (index, endpoint) in pool.endpoints.enumerated()
            where worker.outages.isOut(model, at: endpoint.identity, now: now) {
                wish.unready.insert(index)
            }
        }
        if let pool, pool.asksForModel, let entry = withServedModel({ pool.board.entry($0, version: $1) }) {
            wish.model = entry
            if pool.board.isListed {
                let presence = pool.board.presence(entry, now: worker.loop.now)
                wish.presence = presence
                wish.goesByModel = presence == .somewhere && !pool.board.isEverywhere(entry)
            }
        }
        return wish
    }

    /// Whether there are endpoints of the backend that the request cannot use, and others can.
    func isChoosy(_ wish: BackendPool.Wish, _ pool: BackendPool) -> Bool {
        wish.key != nil || !wish.tried.isEmpty || !wish.unready.isEmpty || wish.goesByModel
            || (isGRPC && !pool.allCarryGRPC)
    }

    /// The path in its one reading.
    var path: UnsafeRawBufferPointer {
        guard let target else { return staticBytes("/") }
        let received = head.slice(target.path)
        return hasDecodedPath ? decodedPath.bytes : received.isEmpty ? staticBytes("/") : received
    }

    /// The model the request names, as far as that is known without reading what nobody asked to read.
    var modelKey: ModelKey? {
        if isGRPC {
            guard let reader = modelReader ?? inspector, reader.isDecided, reader.readsModel else { return nil }
            return modelKey(reader.model, reader.version)
        }
        return InferencePath(upstreamPath).flatMap { modelKey($0.model, $0.version) }
    }

    /// The model and version the client asked for, for people to read; empty where there are none. Valid until the loop's
    /// scratch space is used again.
    var askedModel: (name: UnsafeRawBufferPointer, version: UnsafeRawBufferPointer) {
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        if isGRPC {
            guard let reader = modelReader ?? inspector, reader.isDecided, reader.readsModel else {
                return (none, none)
            }
            return (reader.model, reader.version)
        }
        guard let named = InferencePath(upstreamPath) else { return (none, none) }
        if hasPlainPath && !isRewritten { return (named.model, named.version) }
        guard let decoded = percentDecoded(named.model) else { return (named.model, named.version) }
        worker.valueScratch.removeAll()
        worker.valueScratch.append(decoded)
        return (worker.valueScratch.bytes, named.version)
    }

    private func modelKey(_ model: UnsafeRawBufferPointer, _ version: UnsafeRawBufferPointer) -> ModelKey? {
        guard let names else { return ModelKey(name: model, version: version) }
        return names.replacing(model, version) { ModelKey(name: $0, version: $1) }
    }

    /// Calls `body` with the model and version that an endpoint serves the request with; `nil` for a request without any, or
    /// whose model is not known yet.
    func withServedModel<Result>(
        _ body: (_ model: UnsafeRawBufferPointer, _ version: UnsafeRawBufferPointer) -> Result
    ) -> Result? { withModel(as: names, body) }

    /// The same for the names that some entry puts in the place of the request's.
    func withModel<Result>(
        as names: ModelNames?, _ body: (_ model: UnsafeRawBufferPointer, _ version: UnsafeRawBufferPointer) -> Result
    ) -> Result? {
        func replaced(_ model: UnsafeRawBufferPointer, _ version: UnsafeRawBufferPointer) -> Result? {
            guard let names else { return isVersion(version) ? body(model, version) : nil }
            return names.replacing(model, version) { isVersion($1) ? body($0, $1) : nil }
        }
        if isGRPC {
            guard let reader = modelReader ?? inspector, reader.isDecided, reader.readsModel, !reader.model.isEmpty
            else { return nil }
            return replaced(reader.model, reader.version)
        }
        guard let named = InferencePath(upstreamPath) else { return nil }
        // Triton takes a name as it stands in the path, escapes and all.
        return replaced(named.model, named.version)
    }

    /// A version as lists have it, or none. Triton reads others as well, such as `01`; nobody looks for those.
    private func isVersion(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let first = bytes.first else { return true }
        return first != UInt8(ascii: "0") && bytes.allSatisfy { $0 &- UInt8(ascii: "0") < 10 }
    }

    /// An inference of its own, that may run a second time if the operator says so and it is no part of a sequence.
    var isInference: Bool {
        guard head.method == .post else { return false }
        return isGRPC ? GRPCMethod.inference(upstreamPath) == .unary : InferencePath(upstreamPath)?.isInfer == true
    }

    // MARK: The model

    /// Endpoints may differ in the models they have ready.
    private func modelDecides(_ pool: BackendPool) -> Bool {
        pool.backend.server == .triton && pool.endpoints.count > 1
    }

    /// Begins to look for the model of a call, where it matters which endpoint gets it, or the log names it.
    func beginModel(_ pool: BackendPool) {
        guard isGRPC, inspector?.readsModel != true, modelDecides(pool) || pool.asksForModel || worker.log.isOn,
            GRPCMethod.namesModel(upstreamPath)
        else { return }
        let reader = worker.takeInspector()
        reader.begin(readsModel: true, modelIsOptional: true)
        modelReader = reader
        kept.forEachRun { readModel($0) }
    }

    /// What is wrong with a message is for the endpoint to say: then nobody knows the model.
    func readModel(_ bytes: UnsafeRawBufferPointer) {
        guard let reader = modelReader, !reader.isDecided, reader.feed(bytes) != nil else { return }
        worker.giveInspector(reader)
        modelReader = nil
    }

    /// Whether nothing that the endpoint depends on is still to come.
    func knowsEnough(_ pool: BackendPool) -> Bool {
        // While every endpoint serves every model, nobody waits to hear which one it is.
        if let modelReader, !modelReader.isDecided, !isRequestComplete,
            pool.asksForModel || (worker.hasOutages && modelDecides(pool))
        {
            return false
        }
        return findKey(pool)
    }

    // MARK: The key

    /// Finds what the backend's requests are balanced by.
    ///
    /// - Returns: false where it is in the body, which has not said it yet.
    func findKey(_ pool: BackendPool) -> Bool {
        guard let source = pool.keySource else { return true }
        switch source {
        case .header(let name): noteKey(head.first(named: name).map(head.value), pool)
        case .cookie(let name): noteKey(cookie(name), pool)
        case .clientAddress: noteKey(clientText, pool)
        case .sequenceID:
            guard let sequence else {
                noteKey(nil, pool)
                return true
            }
            if isRequestComplete { _ = sequence.end() }
            if sequence.answer == .undecided { return false }
            noteKey(sequence.answer == .found ? sequence.id : nil, pool)
        }
        return true
    }

    private func noteKey(_ bytes: UnsafeRawBufferPointer?, _ pool: BackendPool) {
        if let bytes, !bytes.isEmpty {
            hashKey = KeyHash.hash(bytes)
            pool.load.keysFound.add(1, ordering: .relaxed)
        } else {
            hashKey = nil
            pool.load.keysAbsent.add(1, ordering: .relaxed)
        }
    }

    // MARK: The sequence

    /// Begins to look for a sequence's id, where something depends on it and the body can be read.
    func beginSequence(_ pool: BackendPool) {
        guard sequence == nil, pool.keySource == .sequenceID || route?.retries?.policy.inference == true,
            let format = sequenceFormat
        else { return }
        let reader = worker.takeSequenceReader()
        reader.begin(format)
        sequence = reader
        kept.forEachRun { _ = reader.feed($0) }
    }

    private var sequenceFormat: SequenceReader.Format? {
        guard head.method == .post, head.framing != .none else { return nil }
        if isGRPC { return GRPCMethod.inference(upstreamPath) == nil ? nil : .grpc }
        guard InferencePath(upstreamPath)?.isInfer == true, !isEncoded else { return nil }
        guard let field = head.first(named: "inference-header-content-length") else { return .json(headerBytes: nil) }
        return .json(headerBytes: parseDecimal(head.value(field)))
    }

    /// The body has a content coding, and is not read here.
    private var isEncoded: Bool {
        for index in 0..<head.fieldCount where equalsIgnoringCase(head.name(index), "content-encoding") {
            if !equalsIgnoringCase(head.value(index), "identity") { return true }
        }
        return false
    }

    /// More of the body has come.
    ///
    /// - Returns: false for a request that names two sequences: it has been refused.
    func readSequence(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let sequence, sequence.feed(bytes) == .refused else { return true }
        refuseSequence()
        return false
    }

    func refuseSequence() { reject(.badRequest, "the request has more than one sequence_id") }

    /// More of the body has come.
    ///
    /// - Returns: whether enough is known to choose an endpoint.
    func bodyRead() -> Bool {
        guard let pool, knowsEnough(pool) else { return false }
        worker.loop.setDeadline(self, .never)
        phase = .deciding
        place(in: pool)
        return true
    }

    /// The request is complete.
    func bodyEnded() { if sequence?.end() == .refused { refuseSequence() } else { _ = bodyRead() } }
}
