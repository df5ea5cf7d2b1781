import Configuration

/// What requests tell Triton.
extension Schema {
    static let tritonParameters = Schema(
        name: "'tritonParameters'", path: "routes[].tritonParameters",
        entries: [
            Key(
                "priority", .either([.integer(Bounds.tritonPriority), .word(["route"])]),
                .absent("what the client says"),
                "1 is the highest, 0 the model's default; `route` is 1 where the route has `priority: high`, else 0"),
            Key(
                "users", .map(.user, .integer(Bounds.tritonPriority)), .absent("`priority` for all"),
                "the priority of users; needs `basicAuth`"),
            Key(
                "timeout", .either([.duration(Bounds.tritonTimeout), .word(["route"])]),
                .absent("what the client says"),
                "how long Triton may let it wait; `route` is what is left of the route's `timeout`, or of `grpc-timeout`"
            ),
        ],
        rules: [.some(["priority", "users", "timeout"])])
}
