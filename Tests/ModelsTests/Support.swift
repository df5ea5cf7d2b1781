import Base
import Foundation
import Models

/// A page recorded from a real server.
func page(_ name: String) throws -> [UInt8] {
    let place = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "pages").appending(path: name)
    return Array(try Data(contentsOf: place))
}

/// What a page says, given in pieces of `size` bytes.
func read(_ bytes: [UInt8], pieces size: Int = .max) throws -> CounterPage {
    var reader = MetricsPageReader()
    var rest = bytes[...]
    while !rest.isEmpty {
        let piece = rest.prefix(size)
        try reader.read(Array(piece))
        rest = rest.dropFirst(piece.count)
    }
    return try reader.finish()
}

func read(_ text: String) throws -> CounterPage { try read(Array(text.utf8)) }

/// The sentence of a refusal; `nil` where there is none.
func refusal(_ body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch {
        return (error as? UnreadableAnswer)?.reason ?? "\(error)"
    }
}

extension CounterPage {
    subscript(name: String, version: String) -> Model? { models.first { $0.name == name && $0.version == version } }
}
