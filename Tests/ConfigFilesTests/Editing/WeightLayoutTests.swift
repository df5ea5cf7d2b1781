import Foundation
import Testing

@testable import ConfigFiles

/// How entries may be written, and what becomes of them: byte for byte as they were, but for the weights.
@Suite struct WeightLayoutTests {
    struct Layout: Sendable, CustomTestStringConvertible {
        let title: String
        let before: String
        let after: String
        var testDescription: String { title }

        init(_ title: String, _ before: String, _ after: String) {
            self.title = title
            self.before = native(before)
            self.after = native(after)
        }
    }

    /// The weights wanted are 5 and 95.
    static let layouts: [Layout] = [
        Layout(
            "flow mappings",
            "    backends: [{ name: stable, weight: 80 }, { weight: 20, name: canary }]",
            "    backends: [{ name: stable, weight: 5 }, { weight: 95, name: canary }]"),
        Layout(
            "blocks with comments",
            """
                backends:
                  # Most of it.
                  - name: stable   # the old one
                    weight: 80     # per cent
                  - weight: 20
                    # not yet more
                    name: canary
            """,
            """
                backends:
                  # Most of it.
                  - name: stable   # the old one
                    weight: 5     # per cent
                  - weight: 95
                    # not yet more
                    name: canary
            """),
        Layout(
            "quotes stay",
            """
                backends:
                  - { name: stable, weight: "80" }
                  - { name: 'canary', weight: '20' }
            """,
            """
                backends:
                  - { name: stable, weight: "5" }
                  - { name: 'canary', weight: '95' }
            """),
        Layout(
            "an escape and a zero in front",
            #"    backends: [{ name: stable, weight: "8\u0030" }, { name: canary, weight: 020 }]"#,
            #"    backends: [{ name: stable, weight: "5" }, { name: canary, weight: 95 }]"#),
        Layout(
            "absent in a block",
            """
                backends:
                  - name: stable # the old one
                  - name: canary
                    as: canary
                    requestHeaders:
                      set: { x-side: canary }
            """,
            """
                backends:
                  - name: stable # the old one
                    weight: 5
                  - name: canary
                    as: canary
                    weight: 95
                    requestHeaders:
                      set: { x-side: canary }
            """),
        Layout(
            "absent in flow mappings",
            "    backends: [{ name: stable }, {name: canary, requestHeaders: { remove: [x-a] }}]",
            "    backends: [{ name: stable, weight: 5 }, {name: canary, requestHeaders: { remove: [x-a] }, weight: 95}]"
        ),
        Layout(
            "a comma at the end, and quotes that hold braces",
            "    backends: [{ name: stable, }, { name: canary, requestHeaders: { set: { x-a: \"}'\", x-b: it's } } }]",
            "    backends: [{ name: stable, weight: 5 }, { name: canary, requestHeaders: { set: { x-a: \"}'\", x-b: it's } }, weight: 95 }]"
        ),
        Layout(
            "flow mappings over lines",
            """
                backends: [
                  {
                    name: stable # }
                  },
                  { name: canary,
                    as: canary, },
                ]
            """,
            """
                backends: [
                  {
                    name: stable,
                    weight: 5 # }
                  },
                  { name: canary,
                    as: canary,
                    weight: 95 },
                ]
            """),
        Layout(
            "no simple key behind which there is room",
            """
                backends:
                  - name: >-
                      stable
                  - requestHeaders:
                      set:
                        x-a: b
                    ? name
                    : canary
            """,
            """
                backends:
                  - weight: 5
                    name: >-
                      stable
                  - requestHeaders:
                      set:
                        x-a: b
                    ? name
                    : canary
                    weight: 95
            """),
        Layout(
            "the value on a line of its own, and an explicit key",
            """
                backends:
                  - name: stable
                    weight:
                      80
                  - ? name
                    : canary
                    ? weight
                    : 20
            """,
            """
                backends:
                  - name: stable
                    weight:
                      5
                  - ? name
                    : canary
                    ? weight
                    : 95
            """),
        Layout(
            "an anchor that nobody else uses",
            "    backends: [{ name: stable, weight: &most 80 }, &other { name: canary }]",
            "    backends: [{ name: stable, weight: &most 5 }, &other { name: canary, weight: 95 }]"),
        Layout(
            "letters of more than one byte in front",
            "    backends: [{ \"name\": stable, requestHeaders: { set: { x-a: \"grün 🎉\" } }, weight: 80 }, { name: canary }]",
            "    backends: [{ \"name\": stable, requestHeaders: { set: { x-a: \"grün 🎉\" } }, weight: 5 }, { name: canary, weight: 95 }]"
        ),
        Layout(
            "a list in the column of its key",
            """
                backends:
                - name: stable
                -   name: canary
                    weight: 20
            """,
            """
                backends:
                - name: stable
                  weight: 5
                -   name: canary
                    weight: 95
            """),
    ]

    private func edit(_ text: [UInt8], _ weights: [String: Int] = ["stable": 5, "canary": 95]) throws -> [UInt8] {
        let scratch = try ScratchDirectory()
        try scratch.write(text, to: "sluice.yaml")
        let edited = try #require(try Edited(path: scratch.path + "/sluice.yaml", "infer", weights))
        #expect(edited.weights(of: "infer") == [weights["stable"], weights["canary"]])
        return edited.edit.after
    }

    @Test(arguments: layouts) func layout(_ layout: Layout) throws {
        let after = try edit(Array(layout.before.utf8))
        #expect(String(decoding: after, as: UTF8.self) == layout.after)
    }

    /// Lines end as they did, with the mark at the beginning of the file and without an end of the last line.
    @Test(arguments: layouts) func foreignLineEnds(_ layout: Layout) throws {
        for ending in ["\r\n", "\r"] {
            func foreign(_ text: String) -> [UInt8] {
                [0xEF, 0xBB, 0xBF] + Array(text.replacingOccurrences(of: "\n", with: ending).utf8)
            }
            let after = try edit(foreign(layout.before))
            #expect(after == foreign(layout.after))
        }
    }

    @Test func theLastLineHasNoEnd() throws {
        let head = native("    backends:").components(separatedBy: "    backends:")[0]
        let before = head + "    backends:\n      - { name: stable, weight: 95 }\n      - name: canary"
        let after = try edit(Array(before.utf8), ["stable": 95, "canary": 5])
        #expect(String(decoding: after, as: UTF8.self) == before + "\n        weight: 5")
    }

    /// What says so already is not touched, not even to write a default out.
    @Test func onlyWhatIsDifferent() throws {
        let before = native("    backends: [{ name: stable, weight: 0123 }, { name: canary }]")
        let scratch = try ScratchDirectory(["sluice.yaml": before])
        let path = scratch.path + "/sluice.yaml"
        #expect(try Edited(path: path, "infer", ["stable": 123]) == nil)
        #expect(try Edited(path: path, "infer", ["stable": 123, "canary": 1]) == nil)
        let edited = try #require(try Edited(path: path, "infer", ["stable": 70]))
        #expect(edited.text == before.replacingOccurrences(of: "0123", with: "70"))
        #expect(edited.edit.changes.map(\.before) == [["stable": 123, "canary": 1]])
        #expect(edited.edit.changes.map(\.after) == [["stable": 70, "canary": 1]])
        #expect(try #require(try Edited(path: path, "infer", ["canary": 0])).weights(of: "infer") == [123, 0])
    }

    @Test func severalFilesAndDocuments() throws {
        let scratch = try ScratchDirectory([
            "conf/10-base.yaml": native("    backends: [{ name: stable }, { name: canary }]"),
            "conf/20-more.yaml": """
            ---
            routes:
              - name: first
                match: [{ path: { prefix: /first } }]
                backends: [{ name: stable }]
            ...
            ---
            routes:
              - name: second
                match: [{ path: { prefix: /second } }]
                backends:
                  - name: stable
                  - name: canary
                    weight: 3
            """,
        ])
        let edited = try #require(try Edited(path: scratch.path + "/conf", "second", ["stable": 7]))
        #expect(edited.edit.file == scratch.path + "/conf/20-more.yaml")
        #expect(
            edited.text.contains("      - name: stable\n        weight: 7\n      - name: canary\n        weight: 3"))
        #expect(edited.weights(of: "second") == [7, 3] && edited.weights(of: "first") == [1])
    }

    @Test func places() throws {
        let scratch = try ScratchDirectory([
            "sluice.yaml": native("    backends: [{ name: stable, weight: 80 }, { name: canary }]")
        ])
        let place = try #require(scratch.load().weightPlaces["infer"])
        #expect(place.description == "\(scratch.path)/sluice.yaml:8:40" && place.obstacle == nil)
    }
}
