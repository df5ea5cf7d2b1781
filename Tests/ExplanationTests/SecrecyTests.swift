import Explanation
import Testing

/// Credentials of nobody are shown, neither those asked with nor those of the configuration.
struct SecrecyTests {
    static let yaml = """
        listeners: [{ address: 127.0.0.1:80 }]
        backends: { a: { endpoints: [127.0.0.1:8000] } }
        routes:
          - name: exact
            match:
              - headers: { authorization: "Basic d3JvbmdzZWNyZXQ=", x-api-key: wrongsecret, cookie: wrongsecret }
              - query: { access_token: wrongsecret }
            backends: [{ name: a }]
          - name: rest
            basicAuth: { users: { ann: "$2y$10$sFqjdhrrZKn6Xo.DHzhacujwTYUII2IdHF38y8EJaXjaUNaHSL4UO" }, forwardAuthorization: true }
            backends: [{ name: a }]
        """

    @Test func nothingIsGivenAway() throws {
        let asking = try Asking(Self.yaml)
        for user in ["ann:example", "ann:rightsecret"] {
            let explanation = try asking.explain(
                "http://h/", "x-api-key: rightsecret", "cookie: session=rightsecret", user: user)
            for text in [explanation.text(), explanation.json] {
                #expect(!text.contains("rightsecret") && !text.contains("wrongsecret"), "\(text)")
                #expect(!text.contains("d3Jvbmd") && !text.contains("YW5u") && !text.contains("$2y$"), "\(text)")
                #expect(text.contains("authorization is Basic …") || text.contains("\"Basic …\""))
            }
        }
    }

    /// A URL is repeated as it was asked about, and its parameters with it, which no header is.
    @Test func controlCharactersAreNotPassedToTheTerminal() throws {
        let text = try Asking(Self.yaml).explain("http://h/?access_token=%1b%5b31m", "x-b: \u{9b}31m").text()
        #expect(!text.unicodeScalars.contains { $0.value == 0x1B || $0.value == 0x9B })
    }
}
