/// The samples that matter, by what model servers call them. All else on a page is passed over.
enum SampleName: UInt8, CaseIterable {
    // Triton: docs/user_guide/metrics.md of github.com/triton-inference-server/server
    case success, failure, inferences, executions, pending
    case request, queue, computeInput, computeInfer, computeOutput
    /// Of Tritons before 20.06: the three parts of computing in one.
    case compute
    case gpuUtilization
    // TorchServe: docs/metrics.md of github.com/pytorch/serve
    case torchRequests, torchLatency, torchQueue

    /// As the server writes it.
    var text: StaticString {
        switch self {
        case .success: "nv_inference_request_success"
        case .failure: "nv_inference_request_failure"
        case .inferences: "nv_inference_count"
        case .executions: "nv_inference_exec_count"
        case .pending: "nv_inference_pending_request_count"
        case .request: "nv_inference_request_duration_us"
        case .queue: "nv_inference_queue_duration_us"
        case .computeInput: "nv_inference_compute_input_duration_us"
        case .computeInfer: "nv_inference_compute_infer_duration_us"
        case .computeOutput: "nv_inference_compute_output_duration_us"
        case .compute: "nv_inference_compute_duration_us"
        case .gpuUtilization: "nv_gpu_utilization"
        case .torchRequests: "ts_inference_requests_total"
        case .torchLatency: "ts_inference_latency_microseconds"
        case .torchQueue: "ts_queue_latency_microseconds"
        }
    }

    /// `nil` for a sample that does not matter.
    init?(_ bytes: Slice<UnsafeRawBufferPointer>) {
        for name in Self.allCases where name.text.utf8CodeUnitCount == bytes.count {
            let text = UnsafeRawBufferPointer(start: name.text.utf8Start, count: bytes.count)
            if bytes.elementsEqual(text) {
                self = name
                return
            }
        }
        return nil
    }

    /// What such samples begin with, by which a page of the server is known.
    static func isKnown(_ family: some Collection<UInt8>) -> Bool {
        family.starts(with: "nv_".utf8) || family.starts(with: "ts_".utf8)
    }
}

/// The counters of one model as they come in, sample by sample. The last one counts where one comes twice.
struct ModelRow {
    let id: ModelVersion
    private var counts = ModelCounts()
    private var pending: Int?
    private var input: UInt64 = 0
    private var infer: UInt64 = 0
    private var output: UInt64 = 0
    private var wholeCompute: UInt64?
    private var torchLatency: UInt64?

    init(_ id: ModelVersion) { self.id = id }

    mutating func set(_ name: SampleName, _ value: UInt64, reason: FailureReason?) {
        switch name {
        case .success, .torchRequests: counts.successes = value
        case .failure:
            switch reason ?? .other {
            case .rejected: counts.failures.rejected = value
            case .canceled: counts.failures.canceled = value
            case .backend: counts.failures.backend = value
            case .other: counts.failures.other = value
            }
        case .inferences: counts.inferences = value
        case .executions: counts.executions = value
        case .pending: pending = Int(value)
        case .request: counts.requestMicroseconds = value
        case .queue, .torchQueue: counts.queueMicroseconds = value
        case .computeInput: input = value
        case .computeInfer: infer = value
        case .computeOutput: output = value
        case .compute: wholeCompute = value
        case .torchLatency: torchLatency = value
        case .gpuUtilization: break
        }
    }

    var model: CounterPage.Model {
        var model = CounterPage.Model(name: id.name, version: id.version)
        model.counts = counts
        model.counts.computeMicroseconds = wholeCompute ?? input &+ infer &+ output
        if let torchLatency {
            // From the request's coming to its answer, the queue included; one run serves one request or a batch.
            model.counts.requestMicroseconds = torchLatency
            model.counts.computeMicroseconds =
                torchLatency > counts.queueMicroseconds ? torchLatency &- counts.queueMicroseconds : 0
        }
        model.pending = pending
        return model
    }
}

/// The label `reason` of failures.
enum FailureReason {
    case rejected, canceled, backend, other

    init(_ bytes: [UInt8]) {
        switch String(decoding: bytes, as: UTF8.self) {
        case "REJECTED": self = .rejected
        case "CANCELED": self = .canceled
        case "BACKEND": self = .backend
        default: self = .other
        }
    }
}
