import Inference
import Testing

struct GRPCInspectorTests {
    let inspector = GRPCInspector()

    static let streams: [(String, [[UInt8]], Outcome)] = [
        ("the same model", [Wire.model("m"), Wire.model("m")], .decided("m")),
        (
            "the same version", [Wire.model("m") + Wire.version("1"), Wire.version("1") + Wire.model("m")],
            .decided("m", "1")
        ),
        ("an empty version later", [Wire.model("m"), Wire.model("m") + Wire.version("")], .decided("m")),
        ("an empty version first", [Wire.model("m") + Wire.version(""), Wire.model("m")], .decided("m")),
        ("another model", [Wire.model("m"), Wire.model("n")], .refused(.invalidArgument)),
        ("a longer model", [Wire.model("m"), Wire.model("mm")], .refused(.invalidArgument)),
        ("a shorter model", [Wire.model("mm"), Wire.model("m")], .refused(.invalidArgument)),
        ("another letter", [Wire.model("aab"), Wire.model("aac")], .refused(.invalidArgument)),
        ("an empty model", [Wire.model("m"), Wire.model("")], .refused(.invalidArgument)),
        ("an empty message", [Wire.model("m"), []], .refused(.invalidArgument)),
        ("a version only", [Wire.model("m") + Wire.version("1"), Wire.version("1")], .refused(.invalidArgument)),
        (
            "another version", [Wire.model("m") + Wire.version("1"), Wire.model("m") + Wire.version("2")],
            .refused(.invalidArgument)
        ),
        ("a new version", [Wire.model("m"), Wire.model("m") + Wire.version("1")], .refused(.invalidArgument)),
        ("the version gone", [Wire.model("m") + Wire.version("1"), Wire.model("m")], .refused(.invalidArgument)),
        (
            "the version gone empty", [Wire.model("m") + Wire.version("1"), Wire.model("m") + Wire.version("")],
            .refused(.invalidArgument)
        ),
        ("the model twice", [Wire.model("m"), Wire.model("m") + Wire.model("m")], .refused(.invalidArgument)),
        (
            "another model at the third", [Wire.model("m"), Wire.model("m"), Wire.model("n")],
            .refused(.invalidArgument)
        ),
        (
            "the version twice",
            [Wire.model("m") + Wire.version("1"), Wire.model("m") + Wire.version("1") + Wire.version("1")],
            .refused(.invalidArgument)
        ),
        ("a message that is none", [Wire.model("m"), Wire.model("m") + [0x0B]], .refused(.invalidArgument)),
    ]

    @Test(arguments: streams) func keepsToOneModel(_ name: String, _ messages: [[UInt8]], _ expected: Outcome) {
        let body = messages.flatMap { Wire.message($0) }
        #expect(inspector.inspect(body) == expected)
        #expect(NaiveReader.read(body) == expected)
        for first in body.indices {
            #expect(inspector.inspect(body, cuts: [first]) == expected)
            #expect(inspector.inspect(body, cuts: Array(body[first...].indices)) == expected)
        }
    }

    /// The statistics of all models are asked for with a message that names none.
    @Test(arguments: [([], ""), (Wire.model(""), ""), (Wire.model("m"), "m"), (Wire.version("1"), "")])
    func modelThatMayBeMissing(_ message: [UInt8], _ expected: String) {
        inspector.begin(readsModel: true, modelIsOptional: true)
        #expect(inspector.feed(Wire.message(message)) == nil && inspector.end() == nil)
        #expect(inspector.isDecided && shown(inspector.model) == expected)
        // What it was decided for holds.
        #expect((inspector.feed(Wire.message(Wire.model("n"))) == nil) == false)
    }

    @Test func decidesWithTheByteThatCompletesBothNames() {
        let body = Wire.message(Wire.model("m") + Wire.version("12") + Wire.filler(30))
        inspector.begin(readsModel: true)
        for (index, byte) in body.enumerated() {
            #expect(inspector.feed([byte]) == nil)
            #expect(inspector.isDecided == (index >= 11), "\(index)")
        }
        #expect(shown(inspector.model) == "m" && shown(inspector.version) == "12")
    }

    @Test func decidesWithTheEndOfTheFirstMessage() {
        let body = Wire.message(Wire.model("m") + Wire.filler(30))
        inspector.begin(readsModel: true)
        #expect(inspector.feed(Array(body.dropLast())) == nil)
        #expect(!inspector.isDecided)
        #expect(inspector.feed([body[body.count - 1]]) == nil)
        #expect(inspector.isDecided && shown(inspector.model) == "m" && inspector.version.isEmpty)
    }

    /// A call that is broken off goes to its server, if it is known which one that is.
    @Test func leavesAnIncompleteMessageToTheServer() {
        let whole = Wire.message(Wire.model("m") + Wire.version("1") + Wire.filler(30))
        for count in whole.indices {
            let body = Array(whole[..<count])
            #expect(
                inspector.inspect(body) == (count < 11 ? .refused(.invalidArgument) : .decided("m", "1")), "\(count)")
            #expect(inspector.inspect(whole + body) == .decided("m", "1"))
        }
        #expect(inspector.inspect(Wire.prefix(9) + Wire.model("m")) == .refused(.invalidArgument))
    }

    @Test func refusesCompressedMessages() {
        let message = Wire.message(Wire.model("m"))
        #expect(inspector.inspect(Wire.message([0x1F, 0x8B], flags: 1)) == .refused(.unimplemented))
        #expect(inspector.inspect(Wire.prefix(9, flags: 1)) == .refused(.unimplemented))
        #expect(inspector.inspect(message + Wire.message([], flags: 1)) == .refused(.unimplemented))
    }

    @Test func leavesOtherCallsAlone() {
        inspector.begin(readsModel: false)
        #expect(inspector.isDecided)
        for body in [[], [0], Wire.message([0xFF]), Wire.message([7, 7], flags: 1), Wire.prefix(10), Wire.message([])] {
            #expect(inspector.inspect(body, readsModel: false) == .decided(""))
        }
        #expect(inspector.inspect(Wire.zeros(GRPCInspector.window * 2), readsModel: false) == .decided(""))
    }

    @Test(arguments: [true, false], [2, 0x80, 0xFF] as [UInt8])
    func refusesUnknownFlags(_ readsModel: Bool, _ flags: UInt8) {
        let message = Wire.message(Wire.model("m"))
        #expect(inspector.inspect([flags], readsModel: readsModel) == .refused(.invalidArgument))
        #expect(inspector.inspect(message + [flags], readsModel: readsModel) == .refused(.invalidArgument))
    }

    /// A refusal stays, and nothing of it reaches the next call.
    @Test func repeatsARefusalUntilTheNextCall() {
        inspector.begin(readsModel: true)
        #expect(inspector.feed([2])?.kind == .invalidArgument)
        #expect(inspector.feed(Wire.message(Wire.model("m")))?.kind == .invalidArgument)
        #expect(inspector.feed([])?.kind == .invalidArgument)
        #expect(inspector.limitMessages(to: 0)?.kind == .invalidArgument)
        #expect(inspector.end()?.kind == .invalidArgument)
        #expect(inspector.inspect(Wire.message(Wire.model("n"))) == .decided("n"))
        #expect(inspector.inspect(Wire.message(Wire.version("1") + Wire.model("longer"))) == .decided("longer", "1"))
        #expect(inspector.inspect(Wire.message(Wire.model("n"))) == .decided("n"))
        #expect(inspector.inspect([]) == .refused(.invalidArgument))
    }

    @Test func neverTrapsWithoutBegin() {
        let fresh = GRPCInspector()
        #expect(fresh.isDecided && fresh.model.isEmpty && fresh.version.isEmpty)
        #expect(fresh.feed(Wire.message(Wire.model("m"))) == nil && fresh.end() == nil)
    }

    /// One stream of many messages, of which the last names another model.
    @Test func followsALongStream() {
        let message = Wire.message(Wire.model("model") + Wire.version("7") + Wire.filler(40))
        inspector.begin(readsModel: true, maxMessageBytes: 60)
        let batch = [[UInt8]](repeating: message, count: 64).flatMap { $0 }
        for _ in 0..<500 { #expect(inspector.feed(batch) == nil) }
        #expect(inspector.isDecided && shown(inspector.model) == "model" && shown(inspector.version) == "7")
        #expect(inspector.feed(Wire.message(Wire.model("modem")))?.kind == .invalidArgument)
    }

    /// They are sent as they are.
    @Test func givesReasonsThatNeedNoEncoding() {
        var reasons: Set<String> = []
        func note(_ body: [UInt8], limit: UInt64? = nil) {
            inspector.begin(readsModel: true, maxMessageBytes: limit)
            guard let refusal = inspector.feed(body) ?? inspector.end() else { return }
            reasons.insert(refusal.reason.description)
        }
        for (_, content) in ModelFieldTests.unreadable { note(Wire.message(content)) }
        for (_, messages, _) in Self.streams { note(messages.flatMap { Wire.message($0) }) }
        for body in [[], [0], [2], Wire.prefix(0, flags: 1)] { note(body) }
        for tail in [Wire.model("m"), Wire.model("m") + Wire.filler(65536) + Wire.version("1")] {
            note(Wire.message(Wire.filler(tail.count > 9 ? 9 : 65536) + tail))
        }
        note(Wire.message(Wire.bytes(1, [0])))
        note(Wire.prefix(9), limit: 8)
        #expect(reasons.count >= 18)
        for reason in reasons {
            #expect(reason.utf8.allSatisfy { 0x20...0x7E ~= $0 && $0 != UInt8(ascii: "%") }, "\(reason)")
            #expect(reason.utf8.count <= 100)
        }
    }
}
