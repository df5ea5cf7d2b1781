"""Says the words of the prompt over and over, one response each, with a pause between them."""

import itertools
import time

import numpy as np
import triton_python_backend_utils as pb

# A request cannot keep the model busy for ever.
MOST_TOKENS = 10_000
LONGEST_PAUSE_MILLISECONDS = 1_000


class TritonPythonModel:
    def execute(self, requests):
        for request in requests:
            self.stream(request)
        return None

    def stream(self, request):
        sender = request.get_response_sender()
        prompt = pb.get_input_tensor_by_name(request, "PROMPT").as_numpy()[0].decode("utf-8", "replace")
        tokens = min(int(pb.get_input_tensor_by_name(request, "TOKENS").as_numpy()[0]), MOST_TOKENS)
        pause = int(pb.get_input_tensor_by_name(request, "MILLISECONDS").as_numpy()[0])
        pause = min(max(pause, 0), LONGEST_PAUSE_MILLISECONDS) / 1000
        for word in itertools.islice(itertools.cycle(prompt.split() or ["…"]), max(tokens, 0)):
            if request.is_cancelled():
                break
            tensor = pb.Tensor("TOKEN", np.array([word.encode()], dtype=np.object_))
            sender.send(pb.InferenceResponse([tensor]))
            time.sleep(pause)
        sender.send(flags=pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
