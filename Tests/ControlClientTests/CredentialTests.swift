import ControlClient
import Glibc
import Testing

/// Who calls is said with the first request.
struct CredentialTests {
    /// The `Authorization` that a call with these credentials has.
    private static func authorization(_ credentials: ControlClient.Credentials?) async throws -> String? {
        let server = try TestServer { connection in
            while let head = connection.readHead() {
                let line = head.split(separator: "\r\n").first { $0.hasPrefix("Authorization: ") }
                let value = line.map { $0.dropFirst("Authorization: ".count) } ?? "none"
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(value.utf8.count)\r\n\r\n\(value)")
            }
        }
        let result = try await makeClient().get(server.address) { $0.credentials = credentials }
        return result.response.map { String(decoding: $0.body, as: UTF8.self) }
    }

    @Test func userAndPassword() async throws {
        #expect(try await Self.authorization(.basic(user: "ann", password: "a:b")) == "Basic YW5uOmE6Yg==")
        #expect(try await Self.authorization(nil) == "none")
    }

    @Test func aFileThatNamesTheHost() async throws {
        let path = "/tmp/sluice-netrc-\(getpid())"
        defer { unlink(path) }
        for (host, expected) in [("127.0.0.1", "Basic Ym9iOnM="), ("other.test", "none")] {
            let file = try #require(fopen(path, "w"))
            fputs("machine \(host) login bob password s\n", file)
            fclose(file)
            #expect(try await Self.authorization(.netrc(file: path)) == expected)
        }
        #expect(try await Self.authorization(.netrc(file: "/nonexistent/netrc")) == "none")
    }

    @Test(arguments: [("a:b", "x"), ("a\0", "x"), ("a", "x\0")])
    func whatNoHeaderCanSayIsRefused(_ user: String, _ password: String) async throws {
        let server = try TestServer { _ in }
        let failure = try await makeClient().get(server.address) {
            $0.credentials = .basic(user: user, password: password)
        }.failure
        #expect(failure?.kind == .request)
        #expect(failure?.description.contains("x\0") == false)
        #expect(server.accepted == 0)
    }
}
