/// The keys of one kind of mapping. docs/reference.md and config/sluice.schema.json are printed from these tables, and readers
/// take their ranges from them.
struct Schema: Sendable {
    /// What is written before a key's name in messages: `a route`.
    var name: String
    /// Where such a mapping stands, the heading of its keys in the reference: `routes[].match[].path`.
    var path: String
    /// Keys that are read.
    var entries: [Key]
    /// What is asked of several keys together.
    var rules: [Rule] = []

    /// The names of the keys that are read.
    var keys: [String] { entries.map(\.name) }

    func reads(_ key: String) -> Bool { entries.contains { $0.name == key } }

    func type(of key: String) -> ValueType? { entries.first { $0.name == key }?.type }

    struct Key: Sendable {
        var name: String
        var type: ValueType
        var fallback: Fallback
        /// Half a sentence for the reference and for editors.
        var meaning: String

        init(_ name: String, _ type: ValueType, _ fallback: Fallback, _ meaning: String) {
            self.name = name
            self.type = type
            self.fallback = fallback
            self.meaning = meaning
        }

        /// What is off, or unlimited, where it is not written.
        init(_ name: String, _ type: ValueType, _ meaning: String) {
            self.init(name, type, .absent("none"), meaning)
        }
    }

    /// What holds where a key is not written.
    enum Fallback: Sendable {
        case required
        /// As if this were written.
        case value(String)
        /// In words.
        case absent(String)
    }

    enum Rule: Sendable {
        /// Exactly one of them is written.
        case one([String])
        /// At most one of them is.
        case atMostOne([String])
        /// At least one of them is.
        case some([String])
        /// The keys mean nothing without the other.
        case needs([String], String)
    }
}

extension Schema {
    /// Every schema in the order of the reference, so that documentation and examples can be held against them.
    static let all = [
        gateway, listener, listenerTLS, certificate, listenerLimits, admin, adminLogin, metrics, accessLog, tracing,
        shutdown,
        takeover, customMetrics, customMetricsTLS, backend, backendTLS, triton, endpoint, kubernetesService, balance,
        hash, backendLimits, backendTimeouts, health, outlierDetection, activate, activateKubernetes, activateHold,
        route, match, pathMatch, hostMatch, valueMatch, weightedBackend, sticky, mirror, redirect, respond, cors,
        originMatch, basicAuth, rateLimit, rewrite, rewriteRegex, headerOperations, retries, fault, faultDelay,
        faultAbort, tritonParameters,
    ]
}
