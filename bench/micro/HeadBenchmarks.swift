import Base
import HTTP

/// Reading and writing heads.
let headBenchmarks = [
    Benchmark("read head: POST of 7 fields") { reading(Samples.tritonPost) },
    Benchmark("read head: GET of 15 fields") { reading(Samples.browserGet) },
    Benchmark("read head: answer") {
        let head = MessageHead()
        return { count in
            for _ in 0..<count {
                head.reset()
                guard case .complete(let length) = head.parseResponse(Samples.answer, limit: Samples.limit),
                    (try? head.frameResponse(to: .post)) != nil
                else { preconditionFailure("not an answer") }
                keep(length)
            }
        }
    },
    Benchmark("write head: POST to an endpoint") { forwarding(Samples.tritonPost) },
    Benchmark("write head: GET to an endpoint") { forwarding(Samples.browserGet) },
    Benchmark("write head: answer to a client") {
        let head = MessageHead()
        guard case .complete = head.parseResponse(Samples.answer, limit: Samples.limit),
            (try? head.frameResponse(to: .post)) != nil
        else { preconditionFailure("not an answer") }
        let output = Output()
        return { count in
            for _ in 0..<count {
                output.bytes.removeAll()
                HeadWriter.response(
                    head, framing: head.framing, minorVersion: 1, keepsOpen: true, into: &output.bytes)
                keep(output.bytes.count)
            }
        }
    },
]

/// A buffer that a closure can hold.
private final class Output {
    var bytes = ByteBuffer()
}

private func reading(_ bytes: UnsafeRawBufferPointer) -> (Int) -> Void {
    let head = MessageHead()
    return { count in
        for _ in 0..<count {
            head.reset()
            guard case .complete(let length) = head.parseRequest(bytes, limit: Samples.limit) else {
                preconditionFailure("not a request")
            }
            keep(length)
        }
    }
}

private func forwarding(_ bytes: UnsafeRawBufferPointer) -> (Int) -> Void {
    let head = Samples.request(bytes)
    let output = Output()
    return { count in
        for _ in 0..<count {
            var forwarding = RequestForwarding(
                framing: head.framing, target: head.slice(head.target), host: head.value(head.hostIndex))
            forwarding.clientAddress = staticBytes("192.0.2.17")
            forwarding.keepsAuthorization = false
            forwarding.requestID = staticBytes("6f1c0e5b8d7a4c3299ab01fe23dc45ba")
            forwarding.traceparent = staticBytes("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
            output.bytes.removeAll()
            HeadWriter.request(head, forwarding, into: &output.bytes)
            keep(output.bytes.count)
        }
    }
}
