import Configuration

/// What the gateway listens on.
extension Schema {
    static let listener = Schema(
        name: "a listener", path: "listeners[]",
        entries: [
            Key("name", .text(.name), .absent("the address"), "its label in metrics"),
            Key(
                "address", .text(.listeningAddress), .required, "where to listen; port 0 lets the system choose"),
            Key("tls", .object(listenerTLS), .absent("cleartext"), "speak HTTPS"),
            Key("limits", .object(listenerLimits), .absent("as there"), "what it grants its clients"),
            Key(
                "proxyProtocol", .flag, .value("false"),
                "every connection begins with a PROXY header of version 2, which says who the client is"),
            Key(
                "trustedProxies", .list(.text(.network)),
                "networks whose `X-Forwarded-*` headers are believed"),
        ])

    static let listenerTLS = Schema(
        name: "a listener's tls", path: "listeners[].tls",
        entries: [
            Key(
                "certificates", .list(.object(certificate)), .required,
                "clients get the first one with the server name they ask for, else the first"),
            Key("clientCA", .text(.file), "PEM file of the authorities whose client certificates are good"),
            Key(
                "clientAuth", .words(of: ListenerTLS.ClientAuthentication.self),
                .absent("`require` with a `clientCA`, else `none`"),
                "whether clients must have a certificate; `request` lets those in that have none"),
            Key(
                "minVersion", .words(of: ListenerTLS.Version.self), .word(ListenerTLS().minimumVersion),
                "the oldest TLS that is spoken"),
            Key(
                "handshakeTimeout", .duration(Bounds.timeout), .duration(ListenerTLS().handshakeTimeout),
                "from the connection to the end of the handshake"),
        ],
        rules: [])

    static let certificate = Schema(
        name: "a certificate", path: "listeners[].tls.certificates[]",
        entries: [
            Key("certificate", .text(.file), .required, "PEM file: the certificate first and then its issuers"),
            Key("privateKey", .text(.file), .required, "PEM file, not encrypted"),
        ])

    private static let defaults = Listener.Limits()

    static let listenerLimits = Schema(
        name: "a listener's limits", path: "listeners[].limits",
        entries: [
            Key(
                "connections", .integer(Bounds.count), .absent("three quarters of the descriptor limit"),
                "open connections"),
            Key(
                "perClient", .integer(Bounds.count),
                "open connections of one client address; one more is closed at once"),
            Key(
                "headerBytes", .size(Bounds.headerBytes), .size(defaults.headerBytes),
                "request line and header fields together"),
            Key(
                "headerTimeout", .duration(Bounds.timeout), .duration(defaults.headerTimeout),
                "from the first byte of a request to the end of its header"),
            Key(
                "idleTimeout", .duration(Bounds.timeout), .duration(defaults.idleTimeout),
                "a keep-alive connection between requests"),
            Key(
                "http2Streams", .integer(Bounds.http2Streams), .integer(defaults.http2Streams),
                "open HTTP/2 streams of one connection"),
            Key(
                "maxConnectionAge", .duration(Bounds.connectionAge),
                "the age at which a connection is asked to go, up to a tenth more or less"),
        ])
}
