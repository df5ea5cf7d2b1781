import Configuration

/// Starting endpoints when they are needed.
extension Schema {
    private static let hold = Backend.Activation.Hold()

    static let activate = Schema(
        name: "'activate'", path: "backends.NAME.activate",
        entries: [
            Key(
                "exec", .list(.text(.any)),
                "a program and its arguments, which the gateway starts when a request comes and no endpoint runs"),
            Key("kubernetes", .object(activateKubernetes), "a Deployment that is scaled from 0 to 1, and back"),
            Key(
                "idleAfter", .duration(Bounds.idleAfter, orZero: true), .absent("never"),
                "so long after the last request the endpoint is stopped; `0s` is never"),
            Key("hold", .object(activateHold), .absent("as there"), "requests that wait for the endpoint to come up"),
        ],
        rules: [.one(["exec", "kubernetes"])])

    static let activateKubernetes = Schema(
        name: "'kubernetes'", path: "backends.NAME.activate.kubernetes",
        entries: [
            Key("namespace", .text(.any), .required, "where it is"),
            Key("deployment", .text(.any), .required, "its name"),
        ])

    static let activateHold = Schema(
        name: "'hold'", path: "backends.NAME.activate.hold",
        entries: [
            Key(
                "requests", .integer(Bounds.heldRequests), .integer(hold.requests),
                "requests that wait, over all loops; one more is answered 503 `queue_full`"),
            Key(
                "bytes", .size(Bounds.heldBytes), .value(SizeText.format(hold.bytes)),
                "of their bodies as far as they have come; more is answered 503 `queue_full`"),
            Key(
                "timeout", .duration(Bounds.timeout), .duration(hold.timeout),
                "how long one may wait before it is answered 503 `queue_timeout`, and how long a start may take"),
        ])
}
