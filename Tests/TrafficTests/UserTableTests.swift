import Testing
import Traffic

struct UserTableTests {
    static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    static func hash(_ table: UserTable, _ name: String) -> String? {
        bytes(name).withUnsafeBytes { table.withUser($0) { user, isKnown in isKnown ? user.hash : nil } }
    }

    @Test func findsUsersByTheirExactName() {
        let table = UserTable(["ann": "1", "bob": "2", "grün": "3", "": "4"], decoyHash: "x")
        #expect(Self.hash(table, "ann") == "1" && Self.hash(table, "bob") == "2")
        #expect(Self.hash(table, "grün") == "3" && Self.hash(table, "") == "4")
        for other in ["Ann", "ann ", " ann", "an", "annn", "ann\0", "bobann", "carl"] {
            #expect(Self.hash(table, other) == nil, "\(other)")
        }
        let decoy = Self.bytes("carl").withUnsafeBytes { table.withUser($0) { user, _ in user } }
        #expect(decoy.hash == "x" && decoy.name.isEmpty)
    }

    @Test func anEmptyTableHasNobody() {
        let table = UserTable([:], decoyHash: "x")
        #expect(Self.hash(table, "") == nil && Self.hash(table, "ann") == nil)
    }

    @Test func findsEachOfMany() {
        let users = Dictionary(uniqueKeysWithValues: (0..<5000).map { ("user\($0)", "hash\($0)") })
        let table = UserTable(users, decoyHash: "")
        for (name, hash) in users { #expect(Self.hash(table, name) == hash) }
        #expect(Self.hash(table, "user5000") == nil)
    }
}
