"""A DCGM exporter as far as the utilisation of pods' processors goes."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class DCGMExporter:
    """`pods` has, by namespace and name, the percentages of a pod's processors."""

    def __init__(self, pods: dict):
        self.pods = pods
        self.asked = 0
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                exporter.asked += 1
                body = exporter.page().encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def page(self) -> str:
        lines = ["# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).", "# TYPE DCGM_FI_DEV_GPU_UTIL gauge"]
        for (namespace, pod), percentages in self.pods.items():
            for number, percent in enumerate(percentages):
                labels = (f'gpu="{number}",UUID="GPU-{pod}-{number}",device="nvidia{number}",modelName="NVIDIA A10",'
                          f'Hostname="node",container="triton",namespace="{namespace}",pod="{pod}"')
                lines += [f"DCGM_FI_DEV_GPU_UTIL{{{labels}}} {percent}", f"DCGM_FI_DEV_FB_USED{{{labels}}} 7"]
        return "\n".join(lines) + "\n"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
