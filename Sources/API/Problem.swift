/// The body of every answer of the API that is an error, in Triton's shape.
package struct Problem: Codable, Sendable, Equatable, Error {
    package var error: String

    package init(_ error: String) { self.error = error }
}
