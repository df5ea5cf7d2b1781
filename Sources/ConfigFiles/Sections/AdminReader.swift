import Configuration

/// The operator's side.
extension GatewayReader {
    /// The admin surface and where its address stands.
    func admin(_ entry: YAMLNode.Entry) -> (surface: AdminSurface, position: Position)? {
        guard let section = Section(entry.value, .admin, title: "'admin'", report) else { return nil }
        let readOnly = section.flag("readOnly", report)
        let hosts = section.entry("allowedHosts", report).map { entry in
            Section.items(entry, "[ops.example.com]", report).compactMap { hostName($0, "an allowed host") }
        }
        let tls = section.entry("tls", report).flatMap(listenerTLS)
        let login = section.entry("basicAuth", report).flatMap(adminLogin)
        guard let address = section.listeningAddress("address", report) else {
            if !section.has("address") {
                report.error(section.position, "'admin' needs an address, write 'address: 127.0.0.1:9901'")
            }
            return nil
        }
        let position = section.position(of: "address")
        let missing = ["tls", "basicAuth"].filter { !section.has($0) }
        guard missing.isEmpty || Self.staysOnThisMachine(address) else {
            let keys = Wording.list(missing.map { "'\($0)'" }, "and")
            report.error(
                section.entry("address", report)?.value.position ?? position,
                "other machines could reach 'admin' on \(address), add \(keys) to it or write "
                    + "127.0.0.1:\(address.hostPort?.port ?? 0)")
            return nil
        }
        var surface = AdminSurface(address: address)
        surface.tls = tls
        surface.login = login
        surface.readOnly = readOnly ?? false
        surface.allowedHosts = hosts ?? []
        return (surface, position)
    }
}
