import CSSL

/// What the connections of a listener have in common: certificates, demands on clients, ticket keys. Immutable; new
/// certificates make a new context, and open connections keep the old one.
package final class TLSServerContext: Sendable {
    /// What is presented, in the order of the settings.
    package let certificates: [TLSCertificateSummary]

    private let table: ServerTable
    private let tickets: TicketKeys
    var handle: OpaquePointer { table.contexts[0].handle }

    /// Reads certificates and keys; takes a millisecond or so, and touches no file.
    package init(_ settings: TLSServerSettings, tickets: TicketKeys) throws(TLSConfigurationError) {
        guard !settings.certificates.isEmpty else {
            throw TLSConfigurationError(.certificate(0), "a TLS listener needs a certificate")
        }
        var identities: [Identity] = []
        for (index, pair) in settings.certificates.enumerated() { identities.append(try Identity(pair, index)) }
        let clientRule = try ClientRule(settings)
        let names = ServerNames(identities.map { ServerNames.Entry(names: $0.leaf.names, keyType: $0.leaf.keyType) })
        table = ServerTable(names: names, alpn: try ProtocolList(settings.alpn))
        certificates = identities.map(\.summary)
        self.tickets = tickets
        guard let scope = clientRule.sessionScope(certificates.flatMap(\.names), settings.minVersion) else {
            throw .current(.certificate(0), "OpenSSL offers no SHA-256")
        }

        var contexts: [Context] = []
        for set in names.sets {
            let context = Context(TLS_server_method(), minVersion: settings.minVersion)
            for index in set { try context.use(identities[index], index) }
            clientRule.apply(to: context)
            tickets.serve(context.handle)
            sluice_ssl_set_session_cache(context.handle, sluice_ssl_no_cache())
            let scoped = SSL_CTX_set_session_id_context(context.handle, scope, UInt32(scope.count)) == 1
            precondition(scoped, "a SHA-256 digest has 32 bytes")
            contexts.append(context)
        }
        // A certificate that no name leads to is never presented; it must be sound all the same.
        for index in identities.indices where !names.sets.contains(where: { $0.contains(index) }) {
            try Context(TLS_server_method(), minVersion: settings.minVersion).use(identities[index], index)
        }
        table.start(contexts)
    }
}

/// What the handshake looks up. OpenSSL's callbacks hold it unretained: the context that owns it is held by every
/// connection.
///
/// Unchecked: `contexts` is filled once, before any connection is made.
private final class ServerTable: @unchecked Sendable {
    private let names: ServerNames
    let alpn: ProtocolList
    /// One for each of `names.sets`.
    private(set) var contexts: [Context] = []

    init(names: ServerNames, alpn: ProtocolList) {
        self.names = names
        self.alpn = alpn
    }

    func start(_ contexts: [Context]) {
        self.contexts = contexts
        let owner = Unmanaged.passUnretained(self).toOpaque()
        sluice_ssl_on_server_name(contexts[0].handle, chooseCertificate, owner)
        guard !alpn.bytes.isEmpty else { return }
        for context in contexts { SSL_CTX_set_alpn_select_cb(context.handle, chooseProtocol, owner) }
    }

    /// The context for a server's name.
    func context(for name: String) -> OpaquePointer? { names.set(for: name).map { contexts[$0].handle } }
}

/// SSL_CTX_set_tlsext_servername_callback(3). An unknown name gets the first certificate, for the client to judge.
private func chooseCertificate(
    _ ssl: OpaquePointer?, _ alert: UnsafeMutablePointer<Int32>?, _ owner: UnsafeMutableRawPointer?
) -> Int32 {
    guard let ssl, let owner, let name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) else {
        return SSL_TLSEXT_ERR_NOACK
    }
    let table = Unmanaged<ServerTable>.fromOpaque(owner).takeUnretainedValue()
    guard let context = table.context(for: String(cString: name)) else { return SSL_TLSEXT_ERR_NOACK }
    return SSL_set_SSL_CTX(ssl, context) == nil ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_OK
}

/// SSL_CTX_set_alpn_select_cb(3).
private func chooseProtocol(
    _ ssl: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ chosenCount: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?, _ count: UInt32,
    _ owner: UnsafeMutableRawPointer?
) -> Int32 {
    guard let chosen, let chosenCount, let offered, let owner else { return SSL_TLSEXT_ERR_NOACK }
    let table = Unmanaged<ServerTable>.fromOpaque(owner).takeUnretainedValue()
    let offer = UnsafeBufferPointer(start: offered, count: Int(count))
    guard let match = table.alpn.firstMatch(in: offer) else { return SSL_TLSEXT_ERR_ALERT_FATAL }
    chosen.pointee = offered + match.lowerBound
    chosenCount.pointee = UInt8(match.count)
    return SSL_TLSEXT_ERR_OK
}

extension ProtocolList {
    /// Where in the peer's list the first of ours stands that it holds as well; `nil` for none, or a malformed list.
    fileprivate func firstMatch(in offer: UnsafeBufferPointer<UInt8>) -> Range<Int>? {
        var own = 0
        while own < bytes.count {
            let length = Int(bytes[own])
            var place = 0
            while place < offer.count {
                let end = place + 1 + Int(offer[place])
                guard end <= offer.count else { return nil }
                if Int(offer[place]) == length,
                    (0..<length).allSatisfy({ offer[place + 1 + $0] == bytes[own + 1 + $0] })
                {
                    return place + 1..<end
                }
                place = end
            }
            own += 1 + length
        }
        return nil
    }
}
