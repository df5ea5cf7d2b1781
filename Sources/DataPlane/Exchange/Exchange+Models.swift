import Base
import EventLoop
import HTTP
import Inference
import Telemetry
import Traffic

/// Requests for models that no endpoint has ready.
extension Exchange {
    /// How long it is waited for new lists, before a model counts as unknown. A Triton gives its own within milliseconds; but
    /// while it loads a model it may keep the question before that waiting, and then half a second between two looks and
    /// the longest that either question takes come together. One that does not answer at all must not hold up a client for
    /// longer, who may have misspelt a name.
    private static let lookTime = Nanoseconds.milliseconds(2500)

    /// Whether it has to wait for its model: while that is loading, and until it is certain that nobody has it ready. What is
    /// listed all the same then goes to an endpoint, which says in its own words why it is not to be had.
    ///
    /// - Parameter presence: of the model, as the wish says it.
    func mustWaitForModel(in pool: BackendPool, _ presence: ModelBoard.Presence?) -> Bool {
        guard let presence, presence != .somewhere, needsModel else { return false }
        // Where models are loaded by calls, all of the repository is listed, and the call may have come since.
        return presence == .loading || (!isStream && !isCertain(pool))
    }

    /// The lists are new enough to say that there is no such model; asks for newer ones if they are not.
    private func isCertain(_ pool: BackendPool) -> Bool {
        let now = worker.loop.now
        if held != nil, pool.board.isListed(since: heldSince) || heldSince + Self.lookTime <= now { return true }
        // Names are a client's choice: those that nobody has must not take the places of requests that wait for a model.
        if held == nil, pool.load.hold.requests.current >= pool.holdLimits.requests { return true }
        worker.lookAtModels(of: pool)
        return false
    }

    /// Whether no endpoint has the model it names. Asked where there is nothing to wait for.
    func isModelMissing(_ presence: ModelBoard.Presence?) -> Bool { presence == .absent && needsModel && !isStream }

    /// Says so as Triton does (`model_lifecycle.cc`), which calls it NOT_FOUND.
    func rejectMissingModel(in pool: BackendPool) {
        let text = withServedModel { model, version in
            let name = String(decoding: model, as: UTF8.self)
            let none = UnsafeRawBufferPointer(start: nil, count: 0)
            let isVersion = !version.isEmpty && pool.board.entry(model, version: none) != nil
            let number = isVersion ? " version \(String(decoding: version, as: UTF8.self))" : ""
            return "Request for unknown model: '\(name)'\(number) is not found"
        }
        reject(.modelNotFound, text: text ?? Cause.modelNotFound.message, grpcStatus: .notFound)
    }

    /// It has the model run. Others only ask about it, whether it is ready for example, and every endpoint can tell that it
    /// has none such.
    private var needsModel: Bool {
        isGRPC ? GRPCMethod.inference(upstreamPath) != nil : InferencePath(upstreamPath)?.runsModel == true
    }

    /// What is wrong with one message of a stream is said in it, by the endpoint, and the stream goes on.
    private var isStream: Bool { isGRPC && GRPCMethod.inference(upstreamPath) == .stream }

    // MARK: The split

    /// Whether an entry can serve the request's model, as far as that is known: of several that are up, one that has it is
    /// better.
    func suits(_ index: Int) -> Bool {
        // What a rewritten path names is not known before there is an entry.
        guard let route, route.asksForModel(index), route.policies?.pathRewriter == nil else { return true }
        let entry = route.entries[index]
        let pool = entry.pool
        guard let found = withModel(as: entry.changes?.names, { pool.board.entry($0, version: $1) }) else {
            return true
        }
        return pool.board.presence(found, now: worker.loop.now) == .somewhere
    }
}
