import Testing

/// Fixed answers and Basic authentication.
@Suite struct PolicyDiagnosticTests {
    @Test(arguments: [
        Golden(
            "status",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                respond: { status: 99 }
            """,
            [
                "sluice.yaml:5:24: error: 'status' must be a whole number from 200 to 599, not '99'"
            ]),
        Golden(
            "no status",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                respond: { body: x }
            """,
            [
                "sluice.yaml:5:14: error: 'respond' needs a status, write 'status: 200'"
            ]),
        Golden(
            "respond a number",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                respond: 404
            """,
            [
                "sluice.yaml:5:14: error: 'respond' must be a mapping of keys to values, not a single value"
            ]),
        Golden(
            "body of a 204",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                respond: { status: 204, body: x }
            """,
            [
                "sluice.yaml:5:29: error: an answer with status 204 has no body, leave 'body' out"
            ]),
        Golden(
            "response headers",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                respond: { status: 200, headers: { 'a b': c, content-length: 1, Transfer-Encoding: chunked, x-a: "a\\r\\nb", x-b: ' a', x-c: [], x-d: 1, X-D: 2 } }
            """,
            [
                "sluice.yaml:5:40: error: 'a b' is no header name, write one such as content-type",
                "sluice.yaml:5:50: error: 'content-length' is set by the gateway, leave it out",
                "sluice.yaml:5:69: error: 'Transfer-Encoding' is set by the gateway, leave it out",
                "sluice.yaml:5:102: error: the value of 'x-a' must not hold control characters or blanks around it",
                "sluice.yaml:5:117: error: the value of 'x-b' must not hold control characters or blanks around it",
                "sluice.yaml:5:128: error: 'x-c' must be text, not a list",
                "sluice.yaml:5:140: error: 'X-D' is already in line 5 (column 132), keep one",
            ]),
        Golden(
            "no users",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                basicAuth: {}
            """,
            [
                "sluice.yaml:6:16: error: 'basicAuth' knows no users, add 'usersFile: users.htpasswd' or 'users'"
            ]),
        Golden(
            "basicAuth a word",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                basicAuth: ann
            """,
            [
                "sluice.yaml:6:16: error: 'basicAuth' must be a mapping of keys to values, not a single value"
            ]),
        Golden(
            "empty users",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                basicAuth: { users: {} }
            """,
            [
                "sluice.yaml:6:16: warning: 'basicAuth' has no users, so nobody gets through; add one with 'sluice passwd'"
            ]),
        Golden(
            "missing users file",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                basicAuth: { usersFile: nobody.htpasswd }
            """,
            [
                "sluice.yaml:6:29: error: cannot read the users file 'nobody.htpasswd': there is no such file, make it with 'sluice passwd'"
            ]),
        Golden(
            "users file is a directory",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                basicAuth: { usersFile: . }
            """,
            [
                "sluice.yaml:6:29: error: cannot read the users file '.': it is no regular file, make it with 'sluice passwd'"
            ]),
        Golden(
            "no secret in a message",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                basicAuth: { realm: 'xä', users: { ann: secret, '$apr1$abc$defghi': ann, 'a:b': c, '': d } }
            """,
            [
                "sluice.yaml:6:18: error: 'realm' must be ASCII text without blanks around it",
                "sluice.yaml:6:45: error: the user 'ann': plain text and DES crypt are not supported; make the hash anew with 'sluice passwd' or 'htpasswd -B'",
                "sluice.yaml:6:73: error: the user '(not shown)': plain text and DES crypt are not supported; make the hash anew with 'sluice passwd' or 'htpasswd -B'",
                "sluice.yaml:6:78: error: 'users': a colon in a user name",
                "sluice.yaml:6:88: error: 'users': no user name before the colon",
            ]),
        Golden(
            "secret in the wrong place",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                basicAuth: { usersFile: '$2y$05$JBq81klfDRqFwNTkKuC8Oe41PnvaJK', '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=': x, users: '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=' }
            """,
            [
                "sluice.yaml:6:29: error: cannot read the users file '(not shown)': there is no such file, make it with 'sluice passwd'",
                "sluice.yaml:6:70: error: unknown key '(not shown)', the keys of 'basicAuth' are realm, usersFile, users, allow, forwardUser and forwardAuthorization",
                "sluice.yaml:6:117: error: 'users' must be a mapping, not a single value, write it such as { ann: a line of 'sluice passwd' behind the colon }",
            ]),
        Golden(
            "unknown key",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                basicAuth: { userFile: users.htpasswd }
            """,
            [
                "sluice.yaml:6:16: error: 'basicAuth' knows no users, add 'usersFile: users.htpasswd' or 'users'",
                "sluice.yaml:6:18: error: unknown key 'userFile', did you mean 'usersFile'?",
            ]),
    ])
    func reports(golden: Golden) throws {
        #expect(try golden.reported() == golden.expected)
    }
}
