import Inference
import Testing

/// What has to be within the first 64 KiB of a body, to the byte.
struct GRPCWindowTests {
    static let window = GRPCInspector.window
    let inspector = GRPCInspector()

    /// Pieces that end around the border, and one that does not.
    static let cuts: [[Int]] = [
        [], [window - 1], [window], [window + 1], [window - 1, window, window + 1], [1, window + 9],
    ]

    /// A body in which `field` ends with byte number `end`, behind `names`.
    static func body(
        _ field: [UInt8], behind names: [UInt8] = [], endsAt end: Int, before tail: [UInt8] = filler
    ) -> [UInt8] {
        let before = end - GRPCMessageScanner.prefixBytes - names.count - field.count
        return Wire.message(names + Wire.filler(before) + field + tail)
    }

    static let filler = Wire.filler(100)

    func expect(_ body: [UInt8], _ expected: Outcome, _ note: String = "") {
        for cuts in Self.cuts where cuts.allSatisfy({ $0 <= body.count }) {
            #expect(inspector.inspect(body, cuts: cuts) == expected, "\(note) \(cuts)")
        }
    }

    @Test func isOf64KiB() { #expect(Self.window == 65536) }

    @Test(arguments: -12...12) func modelAtTheBorder(_ offset: Int) {
        let end = Self.window + offset
        let field = Wire.model("model")
        let expected: Outcome = offset <= 0 ? .decided("model") : .refused(.invalidArgument)
        expect(Self.body(field, endsAt: end), expected)
        expect(Self.body(field, endsAt: end, before: []), expected, "at the end of its message")
        expect(
            Self.body(field, behind: Wire.version("1"), endsAt: end), offset <= 0 ? .decided("model", "1") : expected)
    }

    @Test(arguments: -12...12) func versionAtTheBorder(_ offset: Int) {
        let body = Self.body(Wire.version("42"), behind: Wire.model("m"), endsAt: Self.window + offset)
        expect(body, offset <= 0 ? .decided("m", "42") : .refused(.invalidArgument))
    }

    /// A version that stands behind the window was absent when the decision fell.
    @Test(arguments: [Wire.version("1"), Wire.version(""), [0x92, 0x00, 0x01, 0x31]])
    func versionBehindTheWindow(_ field: [UInt8]) {
        for distance in [1, 7, 1000, Self.window] {
            let body = Self.body(field, behind: Wire.model("m"), endsAt: Self.window + field.count + distance)
            inspector.begin(readsModel: true)
            #expect(inspector.feed(Array(body[..<Self.window])) == nil)
            #expect(inspector.isDecided && inspector.version.isEmpty)
            #expect(inspector.feed(Array(body[Self.window...]))?.kind == .invalidArgument)
            expect(body, .refused(.invalidArgument))
        }
        // Each way in which the border may go through the field.
        for inside in 1..<field.count {
            expect(
                Self.body(field, behind: Wire.model("m"), endsAt: Self.window + inside), .refused(.invalidArgument),
                "\(inside)")
        }
    }

    /// Its tag is enough to know that there is one.
    @Test func versionAcrossTheBorderIsRefusedThere() {
        let field = Wire.version("1")
        for inside in 1..<field.count {
            let body = Self.body(field, behind: Wire.model("m"), endsAt: Self.window + field.count - inside)
            inspector.begin(readsModel: true)
            #expect(inspector.feed(Array(body[..<(Self.window - 1)])) == nil)
            #expect(inspector.feed([body[Self.window - 1]])?.kind == .invalidArgument, "\(inside)")
        }
    }

    @Test func decidesWithTheLastByteOfTheWindow() {
        let body = Wire.message(Wire.model("m") + Wire.filler(Self.window))
        inspector.begin(readsModel: true)
        #expect(inspector.feed(Array(body[..<(Self.window - 1)])) == nil)
        #expect(!inspector.isDecided)
        #expect(inspector.feed([body[Self.window - 1]]) == nil)
        #expect(inspector.isDecided)
        #expect(inspector.feed(Array(body[Self.window...])) == nil)
        #expect(inspector.end() == nil && shown(inspector.model) == "m")
    }

    /// The refusal comes as soon as the window is full, not at the end of a long message.
    @Test func refusesWithTheLastByteOfTheWindow() {
        let body = Wire.message(Wire.filler(Self.window) + Wire.model("m"))
        inspector.begin(readsModel: true)
        #expect(inspector.feed(Array(body[..<(Self.window - 1)])) == nil)
        #expect(inspector.feed([body[Self.window - 1]])?.kind == .invalidArgument)
    }

    /// A first message that fills the window exactly is decided by its end.
    @Test(arguments: -1...1) func messageAtTheBorder(_ offset: Int) {
        let content = Self.window + offset - GRPCMessageScanner.prefixBytes
        expect(Wire.message(Wire.model("m") + Wire.filler(content - 3)), .decided("m"))
        expect(Wire.message(Wire.filler(content)), .refused(.invalidArgument))
    }

    /// A later message has all the room it wants, but its names count wherever they stand.
    @Test func laterMessagesHaveNoWindow() {
        let first = Wire.message(Wire.model("m") + Wire.version("1"))
        func later(_ names: [UInt8]) -> [UInt8] { Wire.message(Wire.filler(Self.window * 2) + names) }
        expect(first + later(Wire.model("m") + Wire.version("1")), .decided("m", "1"))
        expect(first + later(Wire.model("n") + Wire.version("1")), .refused(.invalidArgument))
        expect(first + later(Wire.model("m") + Wire.version("2")), .refused(.invalidArgument))
        expect(first + later(Wire.model("m")), .refused(.invalidArgument))
        // Nor does a first message that has been decided end its walk with the window.
        let long = Wire.model("m") + Wire.version("1") + Wire.filler(Self.window * 2)
        expect(Wire.message(long), .decided("m", "1"))
        expect(Wire.message(long + Wire.model("m")), .refused(.invalidArgument))
        expect(Wire.message(long + [0x07]), .refused(.invalidArgument))
    }

    @Test func largeMessagesArePassedOver() {
        let body = Wire.message(Wire.model("m") + Wire.version("1") + Wire.bytes(7, Wire.zeros(3 << 20)))
        expect(body, .decided("m", "1"))
    }
}
