"""A real Triton with models that a test has written itself."""

import shutil
import tempfile
from pathlib import Path

from support.triton import free_ports, servers


class Repository(servers.Server):
    """`models` maps names to the text of config.pbtxt and the code of version 1; `arguments` go to tritonserver."""

    def __init__(self, models: dict, arguments=(), name: str = "repository"):
        self.directory = Path(tempfile.mkdtemp(prefix=f"sluice-{name}-"))
        for model, (config, code) in models.items():
            self.write(model, config, code)
        self.ports = free_ports()
        command = [str(servers.TRITONSERVER), f"--model-repository={self.directory}", "--disable-auto-complete-config",
                   "--allow-gpu-metrics=false", f"--exit-timeout-secs={servers.TRITON_EXIT_SECONDS}", *arguments]
        for listener in ("http", "grpc", "metrics"):
            command += [f"--{listener}-address=127.0.0.1", f"--{listener}-port={getattr(self.ports, listener)}"]
        ready = f"http://127.0.0.1:{self.ports.http}/v2/health/ready"
        super().__init__(name, command, ready, self.directory / "triton.log")

    def write(self, model: str, config: str, code: str) -> None:
        (self.directory / model / "1").mkdir(parents=True, exist_ok=True)
        (self.directory / model / "1" / "model.py").write_text(code)
        (self.directory / model / "config.pbtxt").write_text(config)

    def stop(self):
        status = super().stop()
        shutil.rmtree(self.directory, ignore_errors=True)
        return status

    def metric(self, name: str, model: str) -> float:
        """One of its own `nv_*` numbers."""
        with servers.direct.open(f"http://127.0.0.1:{self.ports.metrics}/metrics", timeout=10) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(name + "{") and f'model="{model}"' in line:
                    return float(line.split()[-1])
        return 0

    @property
    def yaml(self) -> str:
        return f"{{ address: '127.0.0.1:{self.ports.http}', triton: {{ grpcPort: {self.ports.grpc} }} }}"
