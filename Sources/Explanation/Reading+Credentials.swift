import Base
import Credentials
import HTTP

/// Who the request says it is from.
extension Reading {
    enum GivenCredentials: Equatable {
        case missing, malformed
        case found(user: String, password: [UInt8])
    }

    var credentials: GivenCredentials {
        let fields = (0..<head.fieldCount).filter { head.field($0).id == .authorization }
        guard let field = fields.first else { return .missing }
        var scratch = [UInt8](repeating: 0, count: BasicCredentials.scratchSize)
        let found = scratch.withUnsafeMutableBytes { BasicCredentials.decode(head.value(field), into: $0) }
        guard fields.count == 1, let found else { return .malformed }
        return .found(
            user: String(decoding: scratch[found.user], as: UTF8.self), password: Array(scratch[found.password]))
    }

    var user: String? {
        if case .found(let user, _) = credentials { return user }
        return nil
    }
}
