/// Passes over what is inside objects and arrays, up to the end of the outermost or into a string.
///
/// - Parameters:
///   - offset: moved behind what was passed over.
///   - depth: objects and arrays that are open; 0 when the outermost has ended.
/// - Returns: whether a string has begun, its quotation mark being passed over already.
func skipJSON(_ bytes: UnsafeRawBufferPointer, from offset: inout Int, depth: inout Int) -> Bool {
    // Locals, so that the loop keeps both in registers.
    var index = offset
    var open = depth
    defer {
        offset = index
        depth = open
    }
    while index < bytes.count && open > 0 {
        let byte = bytes[index]
        index &+= 1
        switch byte {
        case UInt8(ascii: "\""): return true
        case UInt8(ascii: "{"), UInt8(ascii: "["): open &+= 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"): open &-= 1
        default: break
        }
    }
    return false
}
