package import Base
import CNGHTTP2

/// What the sessions of one loop have in common, so that an idle one holds none of it: blocks for bytes on their way out, and
/// heads and field lists that one message uses after the other.
package final class HTTP2Resources {
    let pool: BlockPool
    /// Room for the fields of one block on their way to nghttp2, used and free again within one call.
    let scratch = UnsafeMutablePointer<nghttp2_nv>.allocate(capacity: HTTP2FieldList.capacity)
    private var heads: ContiguousArray<MessageHead> = []
    private var lists: ContiguousArray<HTTP2FieldList> = []

    /// Of either, some 4 KiB each: as many as a burst on a few connections has in use at once.
    private static let spares = 128

    package init(pool: BlockPool) { self.pool = pool }

    deinit { scratch.deallocate() }

    func takeHead() -> MessageHead { heads.popLast() ?? MessageHead() }

    func give(_ head: MessageHead) {
        guard heads.count < Self.spares else { return }
        head.reset()
        heads.append(head)
    }

    func takeList() -> HTTP2FieldList { lists.popLast() ?? HTTP2FieldList() }

    func give(_ list: HTTP2FieldList) { if lists.count < Self.spares { lists.append(list) } }
}
