import Testing

/// `balance` of a backend.
@Suite struct BalanceDiagnosticTests {
    @Test(arguments: [
        Golden(
            "every way there is",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              a: { endpoints: ['a:1'], balance: roundRobin }
              b: { endpoints: ['b:1'], balance: leastRequest }
              c: { endpoints: ['c:1'], balance: { hash: { header: X-User } } }
              d: { endpoints: ['d:1'], balance: { hash: { cookie: Session } } }
              e: { endpoints: ['e:1'], balance: { hash: clientAddress } }
              f: { endpoints: ['f:1'], balance: { hash: { clientAddress: true } } }
              g: { endpoints: ['g:1'], balance: { hash: sequenceId } }
              h: { endpoints: ['h:1'], balance: { hash: { sequenceId: true } } }
            routes: [{ name: a, backends: [{ name: a }, { name: b }, { name: c }, { name: d }, { name: e }, { name: f }, { name: g }, { name: h }] }]
            """,
            []),
        Golden(
            "no word and no mapping",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              a: { endpoints: ['a:1'], balance: random }
              b: { endpoints: ['b:1'], balance: [roundRobin] }
              c: { endpoints: ['c:1'], balance: }
              d: { endpoints: ['d:1'], balance: {} }
              e: { endpoints: ['e:1'], balance: LeastRequest }
            routes: [{ name: a, backends: [{ name: a }, { name: b }, { name: c }, { name: d }, { name: e }] }]
            """,
            [
                "sluice.yaml:3:37: error: 'balance' must be roundRobin, leastRequest, leastQueue or { hash: { header: x-user } }, not 'random'",
                "sluice.yaml:4:37: error: 'balance' must be roundRobin, leastRequest, leastQueue or { hash: { header: x-user } }, not a list",
                "sluice.yaml:5:28: error: 'balance' has no value, write one or leave the key out",
                "sluice.yaml:6:37: error: 'balance' is empty, write roundRobin, leastRequest, leastQueue or { hash: { header: x-user } }, or leave it out",
                "sluice.yaml:7:37: error: 'balance' must be roundRobin, leastRequest, leastQueue or { hash: { header: x-user } }, not 'LeastRequest'",
            ]),
        Golden(
            "mapping of something else",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              a: { endpoints: ['a:1'], balance: { roundRobin: true } }
              b: { endpoints: ['b:1'], balance: { leastRequest: {} } }
              c: { endpoints: ['c:1'], balance: { hsah: { header: x } } }
            routes: [{ name: a, backends: [{ name: a }, { name: b }, { name: c }] }]
            """,
            [
                "sluice.yaml:3:39: error: unknown key 'roundRobin', the keys of 'balance' are hash",
                "sluice.yaml:4:39: error: unknown key 'leastRequest', the keys of 'balance' are hash",
                "sluice.yaml:5:39: error: unknown key 'hsah', did you mean 'hash'?",
            ]),
        Golden(
            "hash of nothing",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              a: { endpoints: ['a:1'], balance: hash }
              b: { endpoints: ['b:1'], balance: { hash: } }
              c: { endpoints: ['c:1'], balance: { hash: {} } }
              d: { endpoints: ['d:1'], balance: { hash: [header] } }
              e: { endpoints: ['e:1'], balance: { hash: { } } }
            routes: [{ name: a, backends: [{ name: a }, { name: b }, { name: c }, { name: d }, { name: e }] }]
            """,
            [
                "sluice.yaml:3:37: error: 'balance: hash' does not say what to go by, write it such as { hash: { header: x-user } }",
                "sluice.yaml:4:39: error: 'hash' has no value, write one or leave the key out",
                "sluice.yaml:5:45: error: 'hash' is empty, write { header: x-user }, { cookie: session }, clientAddress or sequenceId",
                "sluice.yaml:6:45: error: 'hash' must be a mapping of keys to values, not a list",
                "sluice.yaml:7:45: error: 'hash' is empty, write { header: x-user }, { cookie: session }, clientAddress or sequenceId",
            ]),
        Golden(
            "hash of a word",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              a: { endpoints: ['a:1'], balance: { hash: header } }
              b: { endpoints: ['b:1'], balance: { hash: cookie } }
              c: { endpoints: ['c:1'], balance: { hash: user } }
              d: { endpoints: ['d:1'], balance: { hash: sequenceID } }
            routes: [{ name: a, backends: [{ name: a }, { name: b }, { name: c }, { name: d }] }]
            """,
            [
                "sluice.yaml:3:45: error: 'hash: header' needs the header's name, write it such as { header: x-user }",
                "sluice.yaml:4:45: error: 'hash: cookie' needs the cookie's name, write it such as { cookie: session }",
                "sluice.yaml:5:45: error: 'hash' must be { header: x-user }, { cookie: session }, clientAddress or sequenceId, not 'user'",
                "sluice.yaml:6:45: error: 'hash' must be { header: x-user }, { cookie: session }, clientAddress or sequenceId, not 'sequenceID'",
            ]),
        Golden(
            "hash of two things",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              a: { endpoints: ['a:1'], balance: { hash: { header: x, cookie: y } } }
              b: { endpoints: ['b:1'], balance: { hash: { sequenceId: true, clientAddress: true, header: x } } }
            routes: [{ name: a, backends: [{ name: a }, { name: b }] }]
            """,
            [
                "sluice.yaml:3:58: error: 'hash' has both 'header' and 'cookie', keep one of them",
                "sluice.yaml:4:65: error: 'hash' has both 'header' and 'clientAddress', keep one of them",
            ]),
        Golden(
            "unknown keys of hash",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              a: { endpoints: ['a:1'], balance: { hash: { headers: x } } }
              b: { endpoints: ['b:1'], balance: { hash: { query: x } } }
            routes: [{ name: a, backends: [{ name: a }, { name: b }] }]
            """,
            [
                "sluice.yaml:3:47: error: unknown key 'headers', did you mean 'header'?",
                "sluice.yaml:4:47: error: unknown key 'query', the keys of 'hash' are header, cookie, clientAddress and sequenceId",
            ]),
        Golden(
            "names",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              a: { endpoints: ['a:1'], balance: { hash: { header: 'x y' } } }
              b: { endpoints: ['b:1'], balance: { hash: { header: ':authority' } } }
              c: { endpoints: ['c:1'], balance: { hash: { cookie: 'a=b' } } }
              d: { endpoints: ['d:1'], balance: { hash: { cookie: '' } } }
              e: { endpoints: ['e:1'], balance: { hash: { header: [x] } } }
              f: { endpoints: ['f:1'], balance: { hash: { header: } } }
            routes: [{ name: a, backends: [{ name: a }, { name: b }, { name: c }, { name: d }, { name: e }, { name: f }] }]
            """,
            [
                "sluice.yaml:3:55: error: 'x y' is no header name, write one such as x-user",
                "sluice.yaml:4:55: error: ':authority' is no header name, write one such as x-user",
                "sluice.yaml:5:55: error: 'a=b' is no cookie name, write one such as session",
                "sluice.yaml:6:55: error: 'cookie' must not be empty",
                "sluice.yaml:7:55: error: 'header' must be text, not a list",
                "sluice.yaml:8:47: error: 'header' has no value, write one or leave the key out",
            ]),
        Golden(
            "flags",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              a: { endpoints: ['a:1'], balance: { hash: { sequenceId: false } } }
              b: { endpoints: ['b:1'], balance: { hash: { clientAddress: yes } } }
              c: { endpoints: ['c:1'], balance: { hash: { sequenceId: sequence_id } } }
            routes: [{ name: a, backends: [{ name: a }, { name: b }, { name: c }] }]
            """,
            [
                "sluice.yaml:3:59: error: 'sequenceId: false' leaves nothing to go by, write 'hash: sequenceId' or leave 'balance' out",
                "sluice.yaml:4:62: error: 'clientAddress' must be true or false, not 'yes'",
                "sluice.yaml:5:59: error: 'sequenceId' must be true or false, not 'sequence_id'",
            ]),
        Golden(
            "slow start and panic",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              a: { endpoints: ['a:1'], slowStart: -1s, panicThreshold: -1 }
              b: { endpoints: ['b:1'], slowStart: 30, panicThreshold: 101 }
              c: { endpoints: ['c:1'], slowStart: 169h, panicThreshold: 50% }
              d: { endpoints: ['d:1'], slowStart: {}, panicThreshold: off }
            routes: [{ name: a, backends: [{ name: a }, { name: b }, { name: c }, { name: d }] }]
            """,
            [
                "sluice.yaml:3:39: error: 'slowStart': '-1s' is not a duration, write a number and a unit such as 250ms, 1.5s, 5m or 1h",
                "sluice.yaml:3:60: error: 'panicThreshold' must be a number from 0 to 100, not '-1'",
                "sluice.yaml:4:39: error: 'slowStart': '30' needs a unit, write 30s for seconds or 30ms for milliseconds",
                "sluice.yaml:4:59: error: 'panicThreshold' must be a number from 0 to 100, not '101'",
                "sluice.yaml:5:39: error: 'slowStart' must be from 0s to 168h, not '169h'",
                "sluice.yaml:5:61: error: 'panicThreshold' must be a number from 0 to 100, write it without '%'",
                "sluice.yaml:6:39: error: 'slowStart' must be a duration, not a mapping",
                "sluice.yaml:6:59: error: 'panicThreshold' must be a number from 0 to 100, not 'off'",
            ]),
    ])
    func reports(golden: Golden) throws {
        #expect(try golden.reported() == golden.expected)
    }
}
