import Credentials
import Testing

struct HtpasswdFileTests {
    static let ann = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="
    static let bob = "$apr1$a$PtM1vJaZieHDFk40mKMu6/"

    @Test func readsUsers() {
        let (users, problems) = HtpasswdFile.parse(
            """
            \u{FEFF}ann:\(Self.ann)
            # comment: not a user

              \t
              bob:\(Self.bob) \t\r
            Jörg Ü:\(Self.bob):Jörg's own:comment\r
            """)
        #expect(users == ["ann": Self.ann, "bob": Self.bob, "Jörg Ü": Self.bob])
        #expect(problems.isEmpty)
    }

    @Test(arguments: ["", "\n", "\r\n\r\n", "#", "# a\n#b:c"]) func mayBeEmpty(_ text: String) {
        let (users, problems) = HtpasswdFile.parse(text)
        #expect(users.isEmpty && problems.isEmpty)
    }

    /// All of them in one pass, each with its line; what is right still counts.
    @Test func reportsEveryProblem() {
        let (users, problems) = HtpasswdFile.parse(
            """
            hunter2
            ann:\(Self.ann)
            :\(Self.ann)

            carl:hunter2\r
            ann:\(Self.bob)
            \u{1B}[1m:\(Self.bob)
            \(String(repeating: "n", count: 256)):\(Self.bob)
            dora:$2y$31$\(String(repeating: ".", count: 53))
            emil:
            bob:\(Self.bob)
            carl:\(Self.bob)
            """)
        #expect(users == ["ann": Self.ann, "bob": Self.bob])
        #expect(problems.map(\.line) == [1, 3, 5, 6, 7, 8, 9, 10, 12])
        let reasons = [
            "no colon", "no user name", "user 'carl': plain text", "user 'ann' is on line 2 already",
            "control character",
            "more than 255 bytes", "user 'dora': bcrypt cost 31", "user 'emil': plain text",
            "user 'carl' is on line 5 already",
        ]
        for (problem, reason) in zip(problems, reasons) {
            #expect(problem.message.contains(reason), "\(problem.message)")
            #expect(!problem.message.contains("hunter2"))
            #expect(!problem.message.utf8.contains(0x1B))
        }
    }

    @Test(arguments: [("ann", true), ("", false), ("a:b", false), ("a\n", false), ("a\u{7F}", false), ("ä b", true)])
    func namesThatFitALine(_ name: String, _ fits: Bool) {
        #expect((HtpasswdFile.problem(withUser: name) == nil) == fits)
    }
}
