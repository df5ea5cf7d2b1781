import Base

/// What a gRPC method's path says about its messages.
package enum GRPCMethod {
    /// Whether the requests of the method at `path` carry the name of a model in field 1 and its version in field 2.
    /// Paths of gRPC are compared byte by byte; a server knows no other form of them.
    package static func namesModel(_ path: UnsafeRawBufferPointer) -> Bool {
        guard hasPrefix(path, "/inference.GRPCInferenceService/") else { return false }
        let method = suffix(of: path, from: "/inference.GRPCInferenceService/".utf8.count)
        return equals(method, "ModelInfer") || equals(method, "ModelReady") || equals(method, "ModelConfig")
            || equals(method, "ModelMetadata") || equals(method, "ModelStatistics")
            || equals(method, "ModelStreamInfer")
    }

    /// Whether the requests of such a method may name no model: then they are about all of them.
    package static func modelIsOptional(_ path: UnsafeRawBufferPointer) -> Bool {
        equals(path, "/inference.GRPCInferenceService/ModelStatistics")
    }

    /// Whether the method at `path` takes inference requests.
    ///
    /// - Returns: how many of them one call takes; `nil` for every other method.
    package static func inference(_ path: UnsafeRawBufferPointer) -> Inference? {
        if equals(path, "/inference.GRPCInferenceService/ModelInfer") { return .unary }
        return equals(path, "/inference.GRPCInferenceService/ModelStreamInfer") ? .stream : nil
    }

    package enum Inference { case unary, stream }

    /// Whether the answer of the method at `path` is a list, of nothing but repeated fields.
    package static func isIndex(_ path: UnsafeRawBufferPointer) -> Bool {
        equals(path, "/inference.GRPCInferenceService/RepositoryIndex")
    }
}

/// Whether a `content-type` is that of gRPC over HTTP/2: `application/grpc`, alone or followed by `+proto` and the like
/// or by parameters. `application/grpc-web` is another protocol.
package func isGRPC(contentType: UnsafeRawBufferPointer) -> Bool {
    let name: StaticString = "application/grpc"
    let length = name.utf8CodeUnitCount
    guard contentType.count >= length,
        equalsIgnoringCase(UnsafeRawBufferPointer(rebasing: contentType[..<length]), name)
    else { return false }
    return contentType.count == length
        || contentType[length] == UInt8(ascii: "+") || contentType[length] == UInt8(ascii: ";")
}
