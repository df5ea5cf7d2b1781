import Testing

@testable import Traffic

struct DescriptorBudgetTests {
    @Test(arguments: [1 << 20, 65536, 20_000, 4096, 1024])
    func clientsGetThreeQuarters(descriptors: Int) {
        #expect(DescriptorBudget(descriptors: descriptors, loops: 4).clients == descriptors * 3 / 4)
    }

    @Test func clientsNeverTakeAll() {
        for descriptors in 0..<5000 {
            for loops in [1, 2, 16, 64] {
                let budget = DescriptorBudget(descriptors: descriptors, loops: loops)
                #expect(budget.clients >= 1 && budget.clients < budget.sockets)
                #expect(descriptors < 4 || budget.sockets < descriptors)
                #expect(budget.admitsEndpoint(clients: budget.clients, endpoints: 0))
                #expect(!budget.admitsEndpoint(clients: budget.clients, endpoints: budget.sockets - budget.clients))
                #expect(!budget.admitsClient(clients: 0, endpoints: budget.sockets))
                #expect(!budget.admitsClient(clients: budget.clients, endpoints: 0))
            }
        }
    }

    @Test(arguments: [64, 80, 120, 256, 1024])
    func theGatewayKeepsWhatItNeedsItself(descriptors: Int) {
        let budget = DescriptorBudget(descriptors: descriptors, loops: 2)
        #expect(descriptors - budget.sockets >= min(40, descriptors / 2))
    }
}
