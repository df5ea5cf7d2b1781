/// The manifest that a route comes from.
package struct ManifestOrigin: Sendable, Equatable {
    /// `VirtualService`
    package var kind: String
    /// `kafka-dev/kafka-ui`
    package var name: String
}
