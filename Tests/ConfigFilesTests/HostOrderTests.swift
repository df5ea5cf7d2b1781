import Testing

@testable import ConfigFiles

/// The order in which the rules of VirtualServices are tried.
@Suite struct HostOrderTests {
    private func steps(_ services: [(hosts: [String], takesAll: Bool)]) -> [HostOrder.Step] {
        HostOrder(services).steps
    }

    @Test func alikeInFileOrder() {
        #expect(
            steps([(["a.x"], true), (["b.x"], false), (["a.x"], false)]) == [
                .rules(0, hosts: ["a.x"]), .rules(1, hosts: ["b.x"]), .rules(2, hosts: ["a.x"]),
            ])
    }

    @Test func moreSpecificFirst() {
        #expect(
            steps([([], true), (["*.x"], true), (["*.a.x"], true), (["b.a.x"], true)]) == [
                .rules(3, hosts: ["b.a.x"]), .rules(2, hosts: ["*.a.x"]), .rules(1, hosts: ["*.x"]),
                .rules(0, hosts: []),
            ])
    }

    /// The wildcard of one would stand before the name of the other.
    @Test func oneServiceInTwoPlaces() {
        #expect(
            steps([(["a.x", "*.x"], true), (["b.a.x", "*.a.x"], true)]) == [
                .rules(0, hosts: ["a.x"]), .rules(1, hosts: ["b.a.x", "*.a.x"]), .rules(0, hosts: ["*.x"]),
            ])
        #expect(
            steps([(["*.x"], true), (["a.x", "*.y"], true)]) == [
                .rules(1, hosts: ["a.x"]), .rules(0, hosts: ["*.x"]), .rules(1, hosts: ["*.y"]),
            ])
        #expect(steps([(["a.x", "*.x"], true), (["b.x"], true)]).count == 2, "nothing comes between")
    }

    @Test func whatIstioWouldNotLookAtEnds() {
        #expect(
            steps([(["a.x"], false), (["*.x"], true)]) == [
                .rules(0, hosts: ["a.x"]), .end(0, hosts: ["a.x"]), .rules(1, hosts: ["*.x"]),
            ])
        #expect(
            steps([(["*.a.x"], false), ([], true)]) == [
                .rules(0, hosts: ["*.a.x"]), .end(0, hosts: ["*.a.x"]), .rules(1, hosts: []),
            ])
    }

    @Test func nothingEndsWithoutAWildcardBehindIt() {
        #expect(steps([(["a.x"], false), (["*.y"], true)]).count == 2)
        #expect(steps([(["x"], false), (["*.x"], true)]).count == 2, "a wildcard does not take the name itself")
        #expect(steps([([], false)]) == [.rules(0, hosts: [])])
    }

    /// All rules of one host are looked at, in whichever of its VirtualServices they are.
    @Test func theEndComesBehindAllRulesOfTheHost() {
        #expect(
            steps([(["a.x"], false), (["*.x"], true), (["a.x"], false)]) == [
                .rules(0, hosts: ["a.x"]), .rules(2, hosts: ["a.x"]), .end(0, hosts: ["a.x"]),
                .rules(1, hosts: ["*.x"]),
            ])
        #expect(steps([(["a.x"], false), (["*.x"], true), (["a.x"], true)]).count == 3)
    }
}
