import Testing

@testable import Traffic

struct ControlGroupTests {
    private let mountOfTwo = "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
    private let mountOfOne = """
        31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
        32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
        35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
        """

    private func paths(_ membership: String, _ mounts: String) -> [String] {
        ControlGroup.directories(membership: membership, mounts: mounts).map(\.path)
    }

    @Test func versionTwoWithItsAncestors() {
        let found = ControlGroup.directories(membership: "0::/system.slice/sluice.service\n", mounts: mountOfTwo)
        #expect(
            found == [
                .init(path: "/sys/fs/cgroup/system.slice/sluice.service", version: .two),
                .init(path: "/sys/fs/cgroup/system.slice", version: .two), .init(path: "/sys/fs/cgroup", version: .two),
            ])
        #expect(found[0].limitFile == "/sys/fs/cgroup/system.slice/sluice.service/memory.max")
        #expect(found[0].usageFile.hasSuffix("/memory.current"))
    }

    @Test func versionOneWithItsAncestors() {
        let membership = "8:pids:/\n4:memory:/docker/abc\n1:cpu:/\n"
        let found = ControlGroup.directories(membership: membership, mounts: mountOfOne)
        #expect(
            found.map(\.path) == [
                "/sys/fs/cgroup/memory/docker/abc", "/sys/fs/cgroup/memory/docker", "/sys/fs/cgroup/memory",
            ])
        #expect(found[0].limitFile.hasSuffix("/memory.limit_in_bytes"))
        #expect(found[0].usageFile.hasSuffix("/memory.usage_in_bytes"))
    }

    @Test func bothVersionsSideBySide() {
        let unified = "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
        #expect(
            paths("4:memory:/\n0::/\n", mountOfOne + "\n" + unified)
                == ["/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified"])
    }

    @Test func inAContainer() {
        // A namespace of its own.
        #expect(paths("0::/\n", mountOfTwo) == ["/sys/fs/cgroup"])
        // The host's names, of which only the own group is mounted.
        let inner = "31 23 0:28 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
        #expect(paths("4:memory:/docker/abc\n", inner) == ["/sys/fs/cgroup/memory"])
        #expect(
            paths("4:memory:/docker/abc/inner\n", inner) == ["/sys/fs/cgroup/memory/inner", "/sys/fs/cgroup/memory"])
        #expect(paths("4:memory:/docker/abcdef\n", inner).isEmpty)
        #expect(paths("4:memory:/\n", inner) == ["/sys/fs/cgroup/memory"])
    }

    @Test(arguments: ["", "\n", "::", "x", "0:", "4:memory", "5:cpu:/a\n"])
    func noGroup(membership: String) {
        #expect(paths(membership, mountOfOne).isEmpty)
        #expect(paths("4:memory:/a", "").isEmpty)
        #expect(paths("4:memory:/a", "31 23 - cgroup\n- cgroup cgroup rw,memory\n").isEmpty)
    }

    @Test func limits() {
        #expect(ControlGroup.limit("134217728\n") == 134_217_728)
        for none in ["max\n", "9223372036854771712\n", "-1\n", "0\n", "", "x", "99999999999999999999\n"] {
            #expect(ControlGroup.limit(none) == nil)
        }
    }

    @Test func pagesOfFilesDoNotCount() {
        let two = "anon 700\nfile 400\ninactive_file 100\nactive_file 50\ninactive_anon 9\nsock 20\n"
        #expect(ControlGroup.used(usage: "1000\n", statistics: two, version: .two) == 850)
        let one = "inactive_file 1\nactive_file 1\ntotal_inactive_file 300\ntotal_active_file 200\n"
        #expect(ControlGroup.used(usage: "1000\n", statistics: one, version: .one) == 500)
        #expect(ControlGroup.used(usage: "100", statistics: one, version: .one) == 0)
        #expect(ControlGroup.used(usage: "1000", statistics: "", version: .two) == 1000)
        #expect(ControlGroup.used(usage: "", statistics: two, version: .two) == nil)
    }
}
