import Configuration

/// Calls backends as a person would: by the service alone where that tells them apart, else with its port, its namespace, or
/// both.
enum ManifestBackendNames {
    /// - Parameter taken: names that are not to be had.
    static func names(of services: [ServiceReference], taken: Set<String>) -> [String] {
        var names = services.map { forms($0)[0] }
        for (form, members) in groups(names) {
            guard members.count > 1 || taken.contains(form) else { continue }
            let choices = members.map { forms(services[$0]) }
            // The first form in which all that share a name differ, so that they look alike.
            let best = choices[0].indices.first { index in
                let candidates = choices.map { $0[index] }
                return Set(candidates).count == candidates.count && taken.isDisjoint(with: candidates)
            }
            for (member, choice) in zip(members, choices) { names[member] = choice[best ?? choice.count - 1] }
        }
        var unique = UniqueNames(taken: taken)
        return names.map { unique.take($0) }
    }

    private static func groups(_ names: [String]) -> [(String, [Int])] {
        var groups: [String: [Int]] = [:]
        for (index, name) in names.enumerated() { groups[name, default: []].append(index) }
        return groups.sorted { $0.value[0] < $1.value[0] }
    }

    /// From the shortest to the one that tells everything.
    private static func forms(_ service: ServiceReference) -> [String] {
        let shorter = ClusterName.shorterForms(of: service.host)
        let short = shorter.last ?? service.host
        let qualified = shorter.dropLast().last ?? service.host
        let subset = service.subset.map { "-\($0)" } ?? ""
        return [
            "\(short)\(subset)", "\(short)\(subset)-\(service.port)", "\(qualified)\(subset)",
            "\(qualified)\(subset)-\(service.port)",
        ]
    }
}
