import Testing

/// From where, by whom and how often a route may be used.
@Suite struct AccessDiagnosticTests {
    @Test(arguments: [
        Golden(
            "addresses",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                denyFrom: [10.6.6.6, "2001:db8::/32"]
                allowFrom: [10.0.0.0/8]
            """,
            []),
        Golden(
            "bad addresses",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                denyFrom: [10.0.0.7/8, example.com, ~, [a]]
                allowFrom: [10.0.0.0/33, "::1/129"]
            """,
            [
                "sluice.yaml:6:16: error: 'denyFrom': '10.0.0.7/8' has bits behind its prefix, write 10.0.0.0/8 or 10.0.0.7",
                "sluice.yaml:6:28: error: 'denyFrom': 'example.com' is not a network, write an address and a prefix length such as 10.0.0.0/8",
                "sluice.yaml:6:41: error: a client to refuse must be a network such as 10.0.0.0/8, not nothing",
                "sluice.yaml:6:44: error: a client to refuse must be a network such as 10.0.0.0/8, not a list",
                "sluice.yaml:7:17: error: 'allowFrom': '10.0.0.0/33' has a prefix length outside 0 to 32, write it such as 10.0.0.0/32",
                "sluice.yaml:7:30: error: 'allowFrom': '::1/129' has a prefix length outside 0 to 128, write it such as ::1/128",
            ]),
        Golden(
            "no addresses",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                denyFrom: []
                allowFrom: 10.0.0.0/8
            """,
            [
                "sluice.yaml:6:15: error: 'denyFrom' is empty, write it such as [10.0.0.0/8] or leave it out",
                "sluice.yaml:7:16: error: 'allowFrom' must be a list, not a single value, write it such as [10.0.0.0/8]",
            ]),
        Golden(
            "addresses beside a fixed answer",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                respond: { status: 200 }
                denyFrom: [10.6.6.6]
            """,
            [
                "sluice.yaml:2:13: warning: no route uses the backend 'stable', remove it or send it requests"
            ]),
        Golden(
            "allowed users",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                basicAuth: { users: { ann: '$2y$05$JBq81klfDRqFwNTkKuC8Oe41PnvaJKfk5v2g8zeqxHo6ihx9BvCbW' }, allow: [bob, ann], forwardUser: X-User }
            """,
            [
                "sluice.yaml:6:106: warning: there is no user 'bob', add one with 'sluice passwd' or take the name out"
            ]),
        Golden(
            "bad allowed users",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                basicAuth: { users: { ann: '$2y$05$JBq81klfDRqFwNTkKuC8Oe41PnvaJKfk5v2g8zeqxHo6ihx9BvCbW' }, allow: [ann, ann, "a:b", ~, "$2y$05$JBq81klfDRqFwNTkKuC8Oe41PnvaJK"] }
            """,
            [
                "sluice.yaml:6:111: error: 'ann' is in this list already, keep one",
                "sluice.yaml:6:116: error: 'allow': a colon in a user name",
                "sluice.yaml:6:123: error: a user must be text, not nothing",
            ]),
        Golden(
            "no allowed users",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                basicAuth: { users: { ann: '$2y$05$JBq81klfDRqFwNTkKuC8Oe41PnvaJKfk5v2g8zeqxHo6ihx9BvCbW' }, allow: [] }
            """,
            [
                "sluice.yaml:6:105: error: 'allow' is empty, write it such as [ann] or leave it out"
            ]),
        Golden(
            "bad header for the user",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                basicAuth: { users: { ann: '$2y$05$JBq81klfDRqFwNTkKuC8Oe41PnvaJKfk5v2g8zeqxHo6ihx9BvCbW' }, forwardUser: "x user" }
            """,
            [
                "sluice.yaml:6:111: error: 'forwardUser': 'x user' is no header name, write one such as x-tenant"
            ]),
        Golden(
            "header for the user is the credential",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                basicAuth: { users: { ann: '$2y$05$JBq81klfDRqFwNTkKuC8Oe41PnvaJKfk5v2g8zeqxHo6ihx9BvCbW' }, forwardUser: Authorization }
            """,
            [
                "sluice.yaml:6:111: error: 'forwardUser': 'Authorization' is what the password comes in, write x-user"
            ]),
        Golden(
            "header for the user is the gateway's",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                basicAuth: { users: { ann: '$2y$05$JBq81klfDRqFwNTkKuC8Oe41PnvaJKfk5v2g8zeqxHo6ihx9BvCbW' }, forwardUser: X-Forwarded-For }
            """,
            [
                "sluice.yaml:6:111: error: 'forwardUser': 'X-Forwarded-For' is written by the gateway itself, leave it out"
            ]),
        Golden(
            "rate",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rateLimit: { requests: 1000000000, per: 24h, burst: 1, key: "header:X-Tenant" }
            """,
            []),
        Golden(
            "rate of a user",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                basicAuth: { users: { ann: '$2y$05$JBq81klfDRqFwNTkKuC8Oe41PnvaJKfk5v2g8zeqxHo6ihx9BvCbW' } }
                rateLimit: { requests: 1, per: 1ms, key: user }
            """,
            []),
        Golden(
            "rate of a user without users",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rateLimit: { requests: 1, per: 1s, key: user }
            """,
            [
                "sluice.yaml:6:45: error: 'key: user' needs users, add 'basicAuth' or write 'key: clientAddress'"
            ]),
        Golden(
            "bad rates",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rateLimit: { requests: 0, per: 25h, burst: 1000000001, key: users }
            """,
            [
                "sluice.yaml:6:28: error: 'requests' must be a whole number from 1 to 1000000000, not '0'",
                "sluice.yaml:6:36: error: 'per' must be from 1ms to 24h, not '25h'",
                "sluice.yaml:6:48: error: 'burst' must be a whole number from 1 to 1000000000, not '1000000001'",
                "sluice.yaml:6:65: error: 'key' must be route, user, clientAddress or header:NAME, not 'users'",
            ]),
        Golden(
            "bad header of a rate",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rateLimit: { requests: 1, per: 0s, key: "header:" }
            """,
            [
                "sluice.yaml:6:36: error: 'per' must be from 1ms to 24h, not '0s'",
                "sluice.yaml:6:45: error: '' is no header name, write it such as header:x-tenant",
            ]),
        Golden(
            "rate without numbers",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rateLimit: {}
            """,
            [
                "sluice.yaml:6:16: error: 'rateLimit' needs 'per', write it such as 'per: 1s'",
                "sluice.yaml:6:16: error: 'rateLimit' needs 'requests', write it such as 'requests: 100'",
            ]),
        Golden(
            "rate beyond the clock",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rateLimit: { requests: 1000001, per: 1ms }
            """,
            [
                "sluice.yaml:6:42: error: 1000001 requests in 1ms are more than clocks can tell apart, write at most one in a nanosecond"
            ]),
        Golden(
            "rate a number",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rateLimit: 100
            """,
            [
                "sluice.yaml:6:16: error: 'rateLimit' must be a mapping of keys to values, not a single value"
            ]),
        Golden(
            "misspelt rate",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rateLimit: { requests: 1, per: 1s, bursts: 1 }
            """,
            [
                "sluice.yaml:6:40: error: unknown key 'bursts', did you mean 'burst'?"
            ]),
    ])
    func reports(golden: Golden) throws {
        #expect(try golden.reported() == golden.expected)
    }
}
