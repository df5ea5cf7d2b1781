import Inference
import Testing

/// The limit is that of one message, never of a stream, and known late: the route comes from the first message.
struct GRPCLimitTests {
    let inspector = GRPCInspector()

    @Test(arguments: [true, false]) func refusesAtThePrefix(_ readsModel: Bool) {
        inspector.begin(readsModel: readsModel, maxMessageBytes: 100)
        #expect(inspector.feed(Array(Wire.prefix(101)[..<4])) == nil)
        #expect(inspector.feed([101])?.kind == .resourceExhausted)
        inspector.begin(readsModel: readsModel, maxMessageBytes: 100)
        #expect(inspector.feed(Wire.prefix(100)) == nil)
    }

    @Test func allowsAllWithoutALimit() {
        inspector.begin(readsModel: false)
        #expect(inspector.feed(Wire.prefix(Int(UInt32.max))) == nil)
        inspector.begin(readsModel: false, maxMessageBytes: UInt64(UInt32.max) - 1)
        #expect(inspector.feed(Wire.prefix(Int(UInt32.max)))?.kind == .resourceExhausted)
    }

    @Test func isOfOneMessage() {
        let message = Wire.message(Wire.model("m") + Wire.filler(97))
        let body = [[UInt8]](repeating: message, count: 50).flatMap { $0 }
        #expect(inspector.inspect(body, limit: 100) == .decided("m"))
        #expect(inspector.inspect(body, limit: 99) == .refused(.resourceExhausted))
        #expect(inspector.inspect(Wire.message([]), readsModel: false, limit: 0) == .decided(""))
        #expect(inspector.inspect(Wire.message([0]), readsModel: false, limit: 0) == .refused(.resourceExhausted))
    }

    /// What has passed before the limit was known has been held back, and may still be refused.
    @Test func holdsForWhatHasBeenRead() {
        let names = Wire.model("m") + Wire.version("1")
        for body in [
            Wire.prefix(1000) + names, Wire.message(names + Wire.filler(200)),
            Wire.message(names) + Wire.prefix(200), Wire.message(names + Wire.filler(200)) + Wire.message(names),
        ] {
            inspector.begin(readsModel: true)
            #expect(inspector.feed(body) == nil && inspector.isDecided)
            #expect(inspector.limitMessages(to: 1000) == nil)
            #expect(inspector.limitMessages(to: nil) == nil)
            #expect(inspector.limitMessages(to: 100)?.kind == .resourceExhausted)
            #expect(inspector.end()?.kind == .resourceExhausted)
        }
    }

    @Test func mayBeRaised() {
        let message = Wire.message(Wire.model("m") + Wire.filler(197))
        inspector.begin(readsModel: true, maxMessageBytes: 200)
        #expect(inspector.feed(message) == nil)
        #expect(inspector.limitMessages(to: 300) == nil)
        #expect(inspector.feed(Wire.message(Wire.model("m") + Wire.filler(297))) == nil)
        #expect(inspector.feed(Wire.prefix(301))?.kind == .resourceExhausted)
    }
}
