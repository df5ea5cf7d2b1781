import Base

/// What a gRPC method's path says about its messages.
package enum GRPCMethod {
    /// Whether the requests of the method at `path` carry the name of a model in field 1 and its version in field 2.
    /// Paths of gRPC are compared byte by byte; a server knows no other form of them.
    package static func namesModel(_ path: UnsafeRawBufferPointer) -> Bool {
        let service: StaticString = "/inference.GRPCInferenceService/"
        let prefix = service.utf8CodeUnitCount
        guard path.count > prefix, isEqual(path[..<prefix], service) else { return false }
        let method = path[prefix...]
        // Told apart by their lengths first, so that few are compared.
        return switch method.count {
        case 10: isEqual(method, "ModelInfer") || isEqual(method, "ModelReady")
        case 11: isEqual(method, "ModelConfig")
        case 13: isEqual(method, "ModelMetadata")
        case 15: isEqual(method, "ModelStatistics")
        case 16: isEqual(method, "ModelStreamInfer")
        default: false
        }
    }

    /// Whether the requests of such a method may name no model: then they are about all of them.
    package static func modelIsOptional(_ path: UnsafeRawBufferPointer) -> Bool {
        let method: StaticString = "/inference.GRPCInferenceService/ModelStatistics"
        return path.count == method.utf8CodeUnitCount && isEqual(path[...], method)
    }

    /// Whether the method at `path` takes inference requests.
    ///
    /// - Returns: how many of them one call takes; `nil` for every other method.
    package static func inference(_ path: UnsafeRawBufferPointer) -> Inference? {
        let unary: StaticString = "/inference.GRPCInferenceService/ModelInfer"
        let stream: StaticString = "/inference.GRPCInferenceService/ModelStreamInfer"
        if path.count == unary.utf8CodeUnitCount { return isEqual(path[...], unary) ? .unary : nil }
        return path.count == stream.utf8CodeUnitCount && isEqual(path[...], stream) ? .stream : nil
    }

    package enum Inference { case unary, stream }

    /// Whether the answer of the method at `path` is a list, of nothing but repeated fields.
    package static func isIndex(_ path: UnsafeRawBufferPointer) -> Bool {
        let index: StaticString = "/inference.GRPCInferenceService/RepositoryIndex"
        return path.count == index.utf8CodeUnitCount && isEqual(path[...], index)
    }

    private static func isEqual(_ bytes: Slice<UnsafeRawBufferPointer>, _ text: StaticString) -> Bool {
        equals(
            UnsafeRawBufferPointer(rebasing: bytes),
            UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
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
