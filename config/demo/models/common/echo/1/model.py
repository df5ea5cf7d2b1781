"""Gives back the tensor it was given."""

import triton_python_backend_utils as pb


class TritonPythonModel:
    def execute(self, requests):
        responses = []
        for request in requests:
            tensor = pb.get_input_tensor_by_name(request, "INPUT").as_numpy()
            responses.append(pb.InferenceResponse([pb.Tensor("OUTPUT", tensor)]))
        return responses
