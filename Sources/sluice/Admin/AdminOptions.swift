import ArgumentParser
import Configuration
import ControlClient
import Foundation

/// What every command has that talks to a running gateway.
struct AdminOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The admin address of the gateway (default: SLUICE_ADMIN, or \(AdminAddress.usual)).", valueName: "url"))
    var admin: String?

    @Option(help: "PEM file with the authorities to believe for https, instead of the system's.")
    var ca: String?

    /// Far above every bundle of authorities.
    private static let largestFile = 16 << 20

    func validate() throws {
        _ = try tls(try address())
        _ = try credentials()
    }

    /// - Throws: what is wrong with the options or the environment, which is wrong usage.
    func client() throws -> AdminClient {
        let address = try address()
        guard let client = AdminClient(address, tls: try tls(address), credentials: try credentials()) else {
            Console.complain("sluice: there is no memory or no descriptor for a call")
            throw ExitCode(1)
        }
        return client
    }

    private func address() throws -> AdminAddress {
        let variable = Self.variable("SLUICE_ADMIN")
        let text = admin ?? variable ?? AdminAddress.usual
        do throws(InvalidValue) {
            return try AdminAddress(parsing: text)
        } catch {
            // What has an @ may have a password before it.
            let shown = text.contains("@") ? "" : " '\(text)'"
            throw ValidationError("\(admin == nil ? "SLUICE_ADMIN" : "--admin")\(shown) \(error.message)")
        }
    }

    private func tls(_ address: AdminAddress) throws -> BackendTLS? {
        guard address.isSecure else {
            if ca != nil { throw ValidationError("--ca is for an https address, and \(address) is none") }
            return nil
        }
        var tls = BackendTLS()
        if let ca {
            guard let handle = FileHandle(forReadingAtPath: ca),
                let data = try? handle.read(upToCount: Self.largestFile), !data.isEmpty
            else { throw ValidationError("--ca '\(ca)' cannot be read, name a file with certificates in PEM") }
            tls.authorities = Array(data)
        }
        return tls
    }

    private func credentials() throws -> ControlClient.Credentials {
        switch (Self.variable("SLUICE_ADMIN_USER"), Self.variable("SLUICE_ADMIN_PASSWORD")) {
        case (let user?, let password?):
            if user.contains(":") { throw ValidationError("SLUICE_ADMIN_USER has a colon, which no user's name has") }
            return .basic(user: user, password: password)
        case (nil, nil):
            return .netrc(file: Self.variable("NETRC"))
        case (nil, _):
            throw ValidationError("SLUICE_ADMIN_PASSWORD is set and SLUICE_ADMIN_USER is not, set both or none")
        case (_, nil):
            throw ValidationError("SLUICE_ADMIN_USER is set and SLUICE_ADMIN_PASSWORD is not, set both or none")
        }
    }

    private static func variable(_ name: String) -> String? {
        guard let value = getenv(name), value[0] != 0 else { return nil }
        return String(cString: value)
    }
}
