"""Sleeps as many milliseconds as the request says, up to the limit in config.pbtxt."""

import json
import time

import numpy as np
import triton_python_backend_utils as pb


class TritonPythonModel:
    def initialize(self, args):
        parameters = json.loads(args["model_config"])["parameters"]
        self.longest = int(parameters["longest_milliseconds"]["string_value"])

    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        asked = int(pb.get_input_tensor_by_name(request, "MILLISECONDS").as_numpy()[0])
        slept = min(max(asked, 0), self.longest)
        time.sleep(slept / 1000)
        return pb.InferenceResponse([pb.Tensor("SLEPT", np.array([slept], dtype=np.int32))])
