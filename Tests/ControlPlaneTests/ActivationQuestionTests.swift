import Models
import Testing

@testable import ControlPlane

/// What is made of the answers by which a backend is started and stopped.
@Suite struct ActivationQuestionTests {
    private static func model(_ name: String, _ state: String, _ reason: String? = nil) -> RepositoryIndex.Model {
        RepositoryIndex.Model(name: name, version: "1", state: state, reason: reason)
    }

    @Test func whenModelsAreReady() {
        let (ready, loading) = (Self.model("a", "READY"), Self.model("b", "LOADING"))
        let (failed, unloaded) = (Self.model("c", "UNAVAILABLE", "no file"), Self.model("d", "UNAVAILABLE", "unloaded"))
        let never = Self.model("e", "UNAVAILABLE")
        #expect(ReadinessCheck.judge([ready, unloaded, never], isReady: true) == .ready)
        #expect(ReadinessCheck.judge([], isReady: true) == .ready)
        // A server that is ready serves what it has; what did not load is its requests' to find.
        #expect(ReadinessCheck.judge([ready, failed], isReady: true) == .ready)
        for isReady in [false, true] {
            #expect(ReadinessCheck.judge([ready, failed, loading], isReady: isReady) == .notYet)
        }
        #expect(ReadinessCheck.judge([ready, failed], isReady: false) == .failed("model c failed to load: no file"))
        #expect(ReadinessCheck.judge([ready, unloaded, never], isReady: false) == .notYet)
        #expect(ReadinessCheck.judge([unloaded, failed], isReady: false) == .failed("model c failed to load: no file"))
    }

    @Test func howManyPodsThereAreToBe() {
        #expect(DeploymentScale.replicas(Array(#"{"kind":"Scale","spec":{"replicas":3}}"#.utf8)) == 3)
        #expect(DeploymentScale.replicas(Array(#"{"spec":{}}"#.utf8)) == 0)
        for other in ["", "{}", #"{"spec":{"replicas":"3"}}"#, "[]"] {
            #expect(DeploymentScale.replicas(Array(other.utf8)) == nil, "\(other)")
        }
    }
}
