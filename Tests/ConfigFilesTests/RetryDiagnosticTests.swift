import Testing

/// `retries` and `priority` of a route.
@Suite struct RetryDiagnosticTests {
    @Test(arguments: [
        Golden(
            "all of it",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                priority: high
                timeout: 10s
                retries: { attempts: 2, on: [connectFailure, refusedStream, reset, timeout, 503, '429'], perTryTimeout: 2s, budgetPercent: 12.5, maxBufferedBytes: 1MiB, inference: true }
            """,
            []),
        Golden(
            "nothing but on",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                retries: {}
            """,
            []),
        Golden(
            "no mapping",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                retries: 2
                priority: 1
            """,
            [
                "sluice.yaml:6:14: error: 'retries' must be a mapping of keys to values, not a single value",
                "sluice.yaml:7:15: error: 'priority' must be normal or high, not '1'",
            ]),
        Golden(
            "nothing",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                retries:
                priority:
            """,
            [
                "sluice.yaml:6:5: error: 'retries' has no value, write one or leave the key out",
                "sluice.yaml:7:5: error: 'priority' has no value, write one or leave the key out",
            ]),
        Golden(
            "other words",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                priority: low
                retries: { numRetries: 2, retryOn: 503, perTrytimeout: 1s }
            """,
            [
                "sluice.yaml:6:15: error: 'priority' must be normal or high, not 'low'",
                "sluice.yaml:7:16: error: unknown key 'numRetries', the keys of 'retries' are attempts, on, perTryTimeout, budgetPercent, maxBufferedBytes and inference",
                "sluice.yaml:7:31: error: unknown key 'retryOn', the keys of 'retries' are attempts, on, perTryTimeout, budgetPercent, maxBufferedBytes and inference",
                "sluice.yaml:7:45: error: unknown key 'perTrytimeout', did you mean 'perTryTimeout'?",
            ]),
        Golden(
            "too little",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                retries: { attempts: 0, on: [399], perTryTimeout: 1ns, budgetPercent: -1, maxBufferedBytes: -1, inference: no }
            """,
            [
                "sluice.yaml:6:26: error: 'attempts' must be a whole number from 1 to 10, not '0'",
                "sluice.yaml:6:34: error: a status to try again after must be from 400 to 599, not '399'",
                "sluice.yaml:6:55: error: 'perTryTimeout' must be 0s or from 1ms to 168h, not '1ns'",
                "sluice.yaml:6:75: error: 'budgetPercent' must be a number from 0 to 100, not '-1'",
                "sluice.yaml:6:97: error: 'maxBufferedBytes': '-1' is not a size, write bytes or a number with KiB, MiB or GiB, such as 64KiB",
                "sluice.yaml:6:112: error: 'inference' must be true or false, not 'no'",
            ]),
        Golden(
            "too much",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                retries: { attempts: 11, on: [600], perTryTimeout: 169h, budgetPercent: 100.1, maxBufferedBytes: 1025MiB, inference: 1 }
            """,
            [
                "sluice.yaml:6:26: error: 'attempts' must be a whole number from 1 to 10, not '11'",
                "sluice.yaml:6:35: error: a status to try again after must be from 400 to 599, not '600'",
                "sluice.yaml:6:56: error: 'perTryTimeout' must be 0s or from 1ms to 168h, not '169h'",
                "sluice.yaml:6:77: error: 'budgetPercent' must be a number from 0 to 100, not '100.1'",
                "sluice.yaml:6:102: error: 'maxBufferedBytes' must be from 0 to 1GiB, not '1025MiB'",
                "sluice.yaml:6:122: error: 'inference' must be true or false, not '1'",
            ]),
        Golden(
            "reasons",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                retries:
                  on:
                    - connectfailure
                    - connect-failure
                    - 5xx
                    - gateway-error
                    - 20
                    - 99999999999999999999
                    - -503
                    - 503.0
                    - ''
                    - [503]
                    - { status: 503 }
                    -
            """,
            [
                "sluice.yaml:8:11: error: 'connectfailure' is no reason to try again, did you mean 'connectFailure'?",
                "sluice.yaml:9:11: error: 'connect-failure' is no reason to try again, did you mean 'connectFailure'?",
                "sluice.yaml:10:11: error: '5xx' is no status, write each one, such as 502, 503, 504",
                "sluice.yaml:11:11: error: 'gateway-error' is no reason to try again, write connectFailure, refusedStream, reset, timeout or a status from 400 to 599",
                "sluice.yaml:12:11: error: a status to try again after must be from 400 to 599, not '20'",
                "sluice.yaml:13:11: error: a status to try again after must be from 400 to 599, not '99999999999999999999'",
                "sluice.yaml:14:11: error: '-503' is no reason to try again, write connectFailure, refusedStream, reset, timeout or a status from 400 to 599",
                "sluice.yaml:15:11: error: '503.0' is no reason to try again, write connectFailure, refusedStream, reset, timeout or a status from 400 to 599",
                "sluice.yaml:16:11: error: a reason to try again must not be empty",
                "sluice.yaml:17:11: error: a reason to try again must be text, not a list",
                "sluice.yaml:18:11: error: a reason to try again must be text, not a mapping",
                "sluice.yaml:19:10: error: a reason to try again must be text, not nothing",
            ]),
        Golden(
            "no list of reasons",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                retries: { on: 503 }
            """,
            [
                "sluice.yaml:6:20: error: 'on' must be a list, not a single value, write it such as [connectFailure, refusedStream, 503]"
            ]),
        Golden(
            "no reasons",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                retries: { on: [] }
            """,
            [
                "sluice.yaml:6:20: error: 'on' is empty, write it such as [connectFailure, refusedStream, 503] or leave it out"
            ]),
        Golden(
            "a reason twice",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                retries: { on: [503, reset, '503', reset, 502] }
            """,
            [
                "sluice.yaml:6:33: error: '503' is already in line 6 (column 21), keep one",
                "sluice.yaml:6:40: error: 'reset' is already in line 6 (column 26), keep one",
            ]),
        Golden(
            "what does nothing",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                timeout: 2s
                retries: { on: [timeout], perTryTimeout: 2s, budgetPercent: 0 }
            """,
            [
                "sluice.yaml:7:46: warning: 'perTryTimeout' ends no try, because the route's 'timeout' of 2s is over first, write less than 2s or leave it out",
                "sluice.yaml:7:65: warning: 'budgetPercent: 0' allows no retry at all, write a number above 0 or leave 'retries' out",
            ]),
        Golden(
            "a try's end that is the last",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                timeout: 2s
                retries: { on: [reset], perTryTimeout: 1s }
            """,
            [
                "sluice.yaml:7:44: warning: a try that 'perTryTimeout' ends is the last one, because 'on' does not list timeout, add it there"
            ]),
        Golden(
            "no timeout is longer than any",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                timeout: 0s
                retries: { on: [timeout], perTryTimeout: 1h }
            """,
            []),
        Golden(
            "without backends",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            routes:
              - name: a
                respond: { status: 200 }
                priority: normal
                retries: {}
            """,
            [
                "sluice.yaml:5:5: error: 'priority' means nothing without 'backends', leave it out",
                "sluice.yaml:6:5: error: 'retries' means nothing without 'backends', leave it out",
            ]),
    ])
    func reports(golden: Golden) throws {
        #expect(try golden.reported() == golden.expected)
    }
}
