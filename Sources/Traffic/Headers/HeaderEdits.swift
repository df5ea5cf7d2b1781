package import Base
package import Configuration
package import HTTP

/// Header operations, compiled: what to do to each head, in order.
package struct HeaderEdits: Sendable {
    private enum Step: Sendable {
        case remove([UInt8])
        case set([UInt8], [Part])
        case add([UInt8], [Part])
    }

    private enum Part: Sendable {
        case text([UInt8])
        case variable(HeaderTemplate.Variable)
    }

    private var steps: [Step] = []

    /// - Parameter operations: those of a route before those of one of its entries.
    /// - Returns: `nil` where there is nothing to do.
    package init?(_ operations: [HeaderOperations]) {
        for operations in operations {
            steps += operations.remove.map { .remove(Array($0.utf8)) }
            steps += operations.set.map { .set(Array($0.name.utf8), Self.parts($0.value)) }
            steps += operations.add.map { .add(Array($0.name.utf8), Self.parts($0.value)) }
        }
        if steps.isEmpty { return nil }
    }

    private static func parts(_ template: HeaderTemplate) -> [Part] {
        template.parts.map { part in
            switch part {
            case .text(let text): .text(Array(text.utf8))
            case .variable(let variable): .variable(variable)
            }
        }
    }

    /// - Parameter scratch: used while it runs; its contents are lost.
    package func apply(to head: MessageHead, _ values: HeaderVariables, scratch: inout ByteBuffer) {
        for step in steps {
            switch step {
            case .remove(let name): head.remove(named: name)
            case .set(let name, let parts):
                head.remove(named: name)
                Self.add(name, parts, to: head, values, &scratch)
            case .add(let name, let parts): Self.add(name, parts, to: head, values, &scratch)
            }
        }
    }

    private static func add(
        _ name: [UInt8], _ parts: [Part], to head: MessageHead, _ values: HeaderVariables, _ scratch: inout ByteBuffer
    ) {
        scratch.removeAll()
        for part in parts {
            switch part {
            case .text(let text): scratch.append(text)
            case .variable(let variable): scratch.append(fieldValue: values[variable])
            }
        }
        let value = trimmed(scratch.bytes)
        name.withUnsafeBytes { head.add($0, value) }
    }
}

/// What is known of a request, for header values that mention it. Views that are valid while the head is edited.
package struct HeaderVariables {
    package var clientAddress = UnsafeRawBufferPointer(start: nil, count: 0)
    package var requestID = UnsafeRawBufferPointer(start: nil, count: 0)
    package var user = UnsafeRawBufferPointer(start: nil, count: 0)
    package var route = UnsafeRawBufferPointer(start: nil, count: 0)
    package var backend = UnsafeRawBufferPointer(start: nil, count: 0)

    package init() {}

    subscript(variable: HeaderTemplate.Variable) -> UnsafeRawBufferPointer {
        switch variable {
        case .clientAddress: clientAddress
        case .requestID: requestID
        case .user: user
        case .route: route
        case .backend: backend
        }
    }
}

extension ByteBuffer {
    /// Part of a field's value: what no value may hold (RFC 9110 section 5.5) is left out.
    package mutating func append(fieldValue bytes: UnsafeRawBufferPointer) {
        guard containsControl(bytes) else {
            append(bytes)
            return
        }
        for byte in bytes where byte >= 0x20 && byte != 0x7F { append(byte: byte) }
    }
}
