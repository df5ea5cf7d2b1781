import Base
import HTTP
import Testing

/// The PROXY protocol, version 2, as proxy-protocol.txt section 2.2 writes it.
struct ProxyHeaderTests {
    static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]

    static func header(_ command: UInt8, _ family: UInt8, _ body: [UInt8], count: Int? = nil) -> [UInt8] {
        let count = count ?? body.count
        return signature + [command, family, UInt8(count >> 8), UInt8(count & 255)] + body
    }

    static let four: [UInt8] = [192, 0, 2, 1, 10, 0, 0, 7, 0x1F, 0x90, 0, 80]
    static let six: [UInt8] =
        [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1] + [UInt8](repeating: 9, count: 16)
        + [0x30, 0x39, 0, 80]

    static let good: [(String, [UInt8], ProxyHeader.Source)] = [
        ("IPv4", header(0x21, 0x11, four), .address(high: 0, low: 0xFFFF_C000_0201, port: 8080)),
        ("IPv6", header(0x21, 0x21, six), .address(high: 0x2001_0DB8_0000_0000, low: 1, port: 12345)),
        (
            "with extensions", header(0x21, 0x11, four + [4, 0, 1, 0]),
            .address(high: 0, low: 0xFFFF_C000_0201, port: 8080)
        ),
        ("LOCAL", header(0x20, 0x00, []), .proxy),
        ("LOCAL with addresses", header(0x20, 0x11, four), .proxy),
        ("unknown", header(0x21, 0x00, [1, 2, 3]), .proxy),
        ("a Unix socket", header(0x21, 0x31, [UInt8](repeating: 65, count: 216)), .proxy),
    ]

    /// What reading comes to, in a form that can be compared.
    static func read(_ bytes: [UInt8]) -> Result<ProxyHeader.Source, MessageError> {
        bytes.withUnsafeBytes { bytes in
            do throws(MessageError) {
                let header = try ProxyHeader(bytes)
                return .success(header.source)
            } catch {
                return .failure(error)
            }
        }
    }

    static func rest(_ bytes: [UInt8]) -> Result<Int, MessageError> {
        bytes.withUnsafeBytes { bytes in
            do throws(MessageError) {
                let count = try ProxyHeader.rest(bytes)
                return .success(count)
            } catch {
                return .failure(error)
            }
        }
    }

    @Test(arguments: good) func reads(_ name: String, _ bytes: [UInt8], _ expected: ProxyHeader.Source) {
        #expect(Self.rest(bytes) == .success(bytes.count - ProxyHeader.fixedBytes))
        #expect(Self.read(bytes) == .success(expected))
    }

    static let bad: [(String, [UInt8])] = [
        ("a request", Array("GET / HTTP/1.1\r\nHost: h\r\n\r\n".utf8)),
        ("version 1", Array("PROXY TCP4 192.0.2.1 10.0.0.7 8080 80\r\n".utf8)),
        ("a wrong signature", [1] + header(0x21, 0x11, four).dropFirst()),
        ("version 3", header(0x31, 0x11, four)),
        ("an unknown command", header(0x22, 0x11, four)),
        ("datagrams", header(0x21, 0x12, four)),
        ("an unknown family", header(0x21, 0x41, four)),
        ("IPv4 too short", header(0x21, 0x11, Array(four.dropLast()))),
        ("IPv6 too short", header(0x21, 0x21, Array(six.dropLast()))),
        ("a Unix socket too short", header(0x21, 0x31, [UInt8](repeating: 65, count: 215))),
        ("cut short", header(0x21, 0x11, four, count: 13)),
        ("nothing", []),
    ]

    @Test(arguments: bad) func refuses(_ name: String, _ bytes: [UInt8]) {
        guard case .failure(let error) = Self.read(bytes) else {
            Issue.record("\(name) was read")
            return
        }
        #expect(error.kind == .malformed)
    }

    @Test func hasALimit() {
        func rest(_ count: Int) -> Result<Int, MessageError> { Self.rest(Self.header(0x21, 0x11, [], count: count)) }
        #expect(rest(ProxyHeader.mostBytes) == .success(ProxyHeader.mostBytes))
        #expect(
            rest(ProxyHeader.mostBytes + 1) == .failure(MessageError(.headTooLarge, "a PROXY header above the limit")))
    }
}
