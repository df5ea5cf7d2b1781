import EventLoop
import Traffic

/// Reads how much memory is in use, and how much the kernel allows.
struct MemoryMeter {
    /// The control group with the lowest limit, the own one or one above it.
    private let group: ControlGroup.Directory?
    /// What that group may use; `nil` where there is no limit.
    let groupLimit: Int?

    init() {
        let membership = Machine.readSmallFile("/proc/self/cgroup") ?? ""
        let mounts = Machine.readSmallFile("/proc/self/mountinfo") ?? ""
        var lowest: (limit: Int, group: ControlGroup.Directory)?
        for group in ControlGroup.directories(membership: membership, mounts: mounts) {
            guard let limit = Machine.readSmallFile(group.limitFile).flatMap(ControlGroup.limit) else { continue }
            if lowest.map({ limit < $0.limit }) ?? true { lowest = (limit, group) }
        }
        group = lowest?.group
        groupLimit = lowest?.limit
    }

    /// Bytes of the group that the kernel cannot take back; what it looks at before it kills.
    func groupBytes() -> Int? {
        guard let group, let usage = Machine.readSmallFile(group.usageFile) else { return nil }
        let statistics = Machine.readSmallFile(group.statisticsFile) ?? ""
        return ControlGroup.used(usage: usage, statistics: statistics, version: group.version)
    }
}
