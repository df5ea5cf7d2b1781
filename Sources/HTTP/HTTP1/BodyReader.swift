import Base

/// Finds the body in the bytes behind a head, whatever its framing.
package struct BodyReader {
    package enum Step {
        /// Body bytes: this many from the offset on.
        case data(Int)
        /// Everything given is used up and more has to come.
        case needMore
        /// The body is complete; what follows the offset belongs to the next message.
        case end
        /// Field lines follow from the offset on, up to an empty one.
        case trailers
        case failed(MessageError)
    }

    private enum State {
        case done
        case counted(UInt64)
        case chunked(ChunkedDecoder)
        case untilClose
    }

    private var state = State.done

    package init() {}

    package init(_ framing: BodyFraming) {
        switch framing {
        case .none, .length(0): state = .done
        case .length(let length): state = .counted(length)
        case .chunked: state = .chunked(ChunkedDecoder())
        case .close: state = .untilClose
        }
    }

    /// Body bytes still to come, where that is known.
    package var remaining: UInt64? {
        switch state {
        case .done: 0
        case .counted(let left): left
        case .chunked, .untilClose: nil
        }
    }

    /// Whether the end of the connection ends this body properly.
    package var endsWithConnection: Bool {
        if case .untilClose = state { return true }
        return false
    }

    /// Counts bytes of a body of known length that went another way; at most `remaining`.
    package mutating func skip(_ count: UInt64) {
        guard case .counted(let left) = state else { return }
        state = count >= left ? .done : .counted(left &- count)
    }

    package mutating func next(_ bytes: UnsafeRawBufferPointer, from offset: inout Int) -> Step {
        switch state {
        case .done: return .end
        case .untilClose: return offset < bytes.count ? .data(bytes.count &- offset) : .needMore
        case .counted(let left):
            guard offset < bytes.count else { return .needMore }
            let amount = Int(min(left, UInt64(bytes.count &- offset)))
            let rest = left &- UInt64(amount)
            state = rest == 0 ? .done : .counted(rest)
            return .data(amount)
        case .chunked(var decoder):
            let step = decoder.next(bytes, from: &offset)
            state = .chunked(decoder)
            switch step {
            case .data(let amount): return .data(amount)
            case .needMore: return .needMore
            case .failed(let error): return .failed(error)
            case .trailers:
                state = .done
                return .trailers
            }
        }
    }
}
