"""Day or night by the mean brightness."""

import numpy as np
import triton_python_backend_utils as pb


class TritonPythonModel:
    def execute(self, requests):
        return [self.answer(pb.get_input_tensor_by_name(request, "PIXELS").as_numpy()) for request in requests]

    def answer(self, pixels):
        score = np.mean(pixels) if pixels.size else 0.0
        label = b"day" if score > 0.5 else b"night"
        return pb.InferenceResponse(
            [
                pb.Tensor("LABEL", np.array([label], dtype=np.object_)),
                pb.Tensor("SCORE", np.array([score], dtype=np.float32)),
                pb.Tensor("SERVED_BY", np.array([b"stable"], dtype=np.object_)),
            ]
        )
