import Testing

/// `tritonParameters` of a route.
@Suite struct ParameterDiagnosticTests {
    private static let top = """
        listeners: [{ address: 0.0.0.0:8080 }]
        backends: { stable: { endpoints: ['a:1'] } }
        routes:

        """

    @Test(arguments: [
        Golden(
            "all of it",
            top + """
                - name: a
                  backends: [{ name: stable }]
                  timeout: 10s
                  basicAuth: { users: { ann: "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=" } }
                  tritonParameters: { priority: route, users: { ann: 0 }, timeout: route }
                - name: b
                  match: [{ method: GET }]
                  backends: [{ name: stable }]
                  tritonParameters: { priority: '4294967295', timeout: 1us }
                """,
            [
                "sluice.yaml:9:3: warning: this route never matches, because 'a' in line 4 takes every request; move it up"
            ]),
        Golden(
            "no mapping",
            top + """
                - { name: a, backends: [{ name: stable }], tritonParameters: 1 }
                """,
            [
                "sluice.yaml:4:62: error: 'tritonParameters' must be a mapping of keys to values, not a single value"
            ]),
        Golden(
            "nothing",
            top + """
                - { name: a, backends: [{ name: stable }], tritonParameters: {} }
                """,
            [
                "sluice.yaml:4:62: error: 'tritonParameters' says nothing, add 'priority: 1', 'users' or 'timeout: 250ms'"
            ]),
        Golden(
            "wrong values",
            top + """
                - name: a
                  backends: [{ name: stable }]
                  tritonParameters: { priority: high, users: { ann: -1, "b:c": 1, bob: 4294967296 }, timeout: 0s, prority: 1 }
                """,
            [
                "sluice.yaml:6:33: error: 'priority' must be a whole number from 0 to 4294967295, not 'high'",
                "sluice.yaml:6:39: error: 'users' needs to know who asks, add 'basicAuth' to the route or leave it out",
                "sluice.yaml:6:53: error: the priority of 'ann' must be a whole number from 0 to 4294967295, not '-1'",
                "sluice.yaml:6:57: error: 'users': a colon in a user name",
                "sluice.yaml:6:72: error: the priority of 'bob' must be a whole number from 0 to 4294967295, not '4294967296'",
                "sluice.yaml:6:95: error: 'timeout' must be from 1us to 168h, not '0s'",
                "sluice.yaml:6:99: error: unknown key 'prority', did you mean 'priority'?",
            ]),
        Golden(
            "no timeout to take",
            top + """
                - { name: a, backends: [{ name: stable }], tritonParameters: { timeout: route } }
                """,
            [
                "sluice.yaml:4:73: error: 'timeout: route' is what is left of the route's timeout, and it has none, write 'timeout' on the route or a duration here"
            ]),
        Golden(
            "without endpoints",
            top + """
                - { name: a, respond: { status: 200 }, tritonParameters: { priority: 1 } }
                """,
            [
                "sluice.yaml:4:40: error: 'tritonParameters' means nothing without 'backends', leave it out"
            ]),
    ])
    func reports(golden: Golden) throws {
        #expect(try golden.reported() == golden.expected)
    }
}
