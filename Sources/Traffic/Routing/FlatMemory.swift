extension UnsafeBufferPointer {
    /// Memory of its own that holds what an array holds, for tables that all loops look into: what is in no array is looked at
    /// without counting references. To be deallocated by whoever asks for it.
    ///
    /// - Parameter elements: plain bits (`Range` does not say so by `BitwiseCopyable`).
    init(copyOf elements: [Element]) {
        assert(_isPOD(Element.self), "\(Element.self) has references, which nobody would give back")
        let memory = UnsafeMutableBufferPointer<Element>.allocate(capacity: elements.count)
        _ = memory.initialize(from: elements)
        self.init(memory)
    }
}
