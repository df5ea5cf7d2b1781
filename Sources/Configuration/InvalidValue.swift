/// A piece of configuration text that means nothing here.
package struct InvalidValue: Error, Equatable, Sendable {
    /// What is wrong and what to write instead, as the second half of a sentence: `needs a unit, such as 30s`.
    package let message: String

    package init(_ message: String) { self.message = message }
}
