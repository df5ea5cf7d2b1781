import Base
import HTTP
import Testing

/// Bytes of a text in which every character stands for one byte, so that tables can show bytes above 0x7F.
func raw(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) } }

/// The inverse of `raw`.
func shown(_ bytes: some Sequence<UInt8>) -> String {
    var text = String.UnicodeScalarView()
    for byte in bytes { text.append(UnicodeScalar(byte)) }
    return String(text)
}

enum Section: CaseIterable { case request, answer, trailers }

/// All that a head says, in a form that can be compared.
struct Reading: Equatable {
    enum Outcome: Equatable {
        case incomplete
        case complete(Int)
        case failed(MessageError.Kind)
    }

    struct Field: Equatable {
        var name: String
        var value: String
        var id: FieldName

        init(_ name: String, _ value: String, _ id: FieldName = .other) {
            self.name = name
            self.value = value
            self.id = id
        }
    }

    var outcome = Outcome.incomplete
    var method = Method.other
    var methodName = ""
    var target = ""
    var status = 0
    var reason = ""
    var minorVersion: UInt8 = 1
    var fields: [Field] = []
    var hostIndex = -1
    var framing = BodyFraming.none
    var statedLength: UInt64?
    var saysClose = false
    var saysKeepAlive = false
    var expectsContinue = false
    var nominatesFields = false
    var allowsReuse = true

    /// What the head says once it is complete; of a failed one only how it failed.
    init(_ head: MessageHead, _ progress: HeadProgress) {
        switch progress {
        case .incomplete: return
        case .failed(let error):
            outcome = .failed(error.kind)
            return
        case .complete(let length): outcome = .complete(length)
        }
        method = head.method
        methodName = shown(head.slice(head.methodName))
        target = shown(head.slice(head.target))
        status = head.status
        reason = shown(head.slice(head.reason))
        minorVersion = head.minorVersion
        fields = (0..<head.fieldCount).map { index in
            Field(shown(head.name(index)), shown(head.value(index)), head.field(index).id)
        }
        hostIndex = head.hostIndex
        framing = head.framing
        statedLength = head.statedLength
        saysClose = head.saysClose
        saysKeepAlive = head.saysKeepAlive
        expectsContinue = head.expectsContinue
        nominatesFields = head.nominatesFields
        allowsReuse = head.allowsReuse
    }

    var kind: MessageError.Kind? {
        if case .failed(let kind) = outcome { return kind }
        return nil
    }
}

extension MessageHead {
    func parse(_ section: Section, _ bytes: UnsafeRawBufferPointer, limit: Int) -> HeadProgress {
        switch section {
        case .request: parseRequest(bytes, limit: limit)
        case .answer: parseResponse(bytes, limit: limit)
        case .trailers: parseTrailers(bytes, limit: limit)
        }
    }
}

/// The head of `bytes`, given in growing prefixes of the lengths, each in memory of its own.
func read(_ section: Section, _ bytes: [UInt8], lengths: some Sequence<Int>, limit: Int) -> Reading {
    let head = MessageHead()
    var reading = Reading(head, .incomplete)
    for length in lengths {
        // Bytes that end where the memory ends: reading past them shows in a sanitised run.
        let prefix = Array(bytes[..<length])
        reading = Reading(head, prefix.withUnsafeBytes { head.parse(section, $0, limit: limit) })
        if reading.outcome != .incomplete { break }
    }
    return reading
}

/// 64 KiB, as listeners have by default.
let roomyLimit = 64 * 1024

/// The head of `bytes`, which has to be the same however the bytes arrive.
func read(_ section: Section, _ bytes: [UInt8], limit: Int = roomyLimit) -> Reading {
    let whole = read(section, bytes, lengths: [bytes.count], limit: limit)
    let byByte = read(section, bytes, lengths: 0...bytes.count, limit: limit)
    #expect(byByte == whole, "byte by byte: \(shown(bytes).debugDescription)")
    for cut in stride(from: 1, to: bytes.count, by: bytes.count < 100 ? 1 : 17) {
        let halves = read(section, bytes, lengths: [cut, bytes.count], limit: limit)
        #expect(halves == whole, "cut at \(cut): \(shown(bytes).debugDescription)")
    }
    return whole
}

func read(_ section: Section, _ text: String, limit: Int = roomyLimit) -> Reading {
    read(section, raw(text), limit: limit)
}

/// A head that is expected to be good.
func head(_ section: Section, _ text: String) throws -> MessageHead {
    let head = MessageHead()
    let progress = raw(text).withUnsafeBytes { head.parse(section, $0, limit: roomyLimit) }
    guard case .complete = progress else {
        Issue.record("\(progress): \(text.debugDescription)")
        throw MessageError(.malformed, "not a complete head")
    }
    return head
}
