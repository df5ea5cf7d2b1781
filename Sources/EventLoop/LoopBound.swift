/// Carries an object that belongs to a loop through other threads and back to it.
///
/// Unchecked: the other threads only hold it; `value` is touched on its loop.
package struct LoopBound<Value: AnyObject>: @unchecked Sendable {
    package let value: Value

    package init(_ value: Value) { self.value = value }
}
