"""Write ordinary files with PyTorch, in every format that it has.

python make_torch.py FOLDER     with the libraries of requirements/torch.txt
"""

import collections
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

OUT = Path(sys.argv[1])
KINDS = [
    "float32", "float64", "float16", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "bool", "complex32", "complex64", "complex128", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz",
    "float8_e8m0fnu",
]  # fmt: skip


def save(name: str, value: object, **options: object) -> None:
    torch.save(value, OUT / f"{name}.pt", **options)
    torch.save(value, OUT / f"{name}-legacy.pt", _use_new_zipfile_serialization=False, **options)
    torch.save(value, OUT / f"{name}-protocol4.pt", pickle_protocol=4)


class Net(nn.Module):  # type: ignore[misc]  # torch is not installed where types are checked
    """Layers of many kinds, a loop, a condition, texts and optional values."""

    names: list[str]

    def __init__(self) -> None:
        super().__init__()
        self.names = ["a", "b"]
        self.embed = nn.Embedding(9, 4)
        self.recurrent = nn.LSTM(4, 4)
        self.norm = nn.BatchNorm1d(4)
        self.body = nn.Sequential(
            nn.Linear(4, 4), nn.ReLU(), nn.Dropout(0.1), nn.LayerNorm(4), nn.Linear(4, 2)
        )

    def forward(self, x: torch.Tensor, more: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        found: dict[str, torch.Tensor] = {}
        for index in range(2):
            x = torch.relu(x) * index if more is None else x + more
        for name in self.names:
            found[name] = self.body(self.norm(x))
        return found


def states() -> None:
    save("kinds", {kind: torch.zeros(3, 2, dtype=getattr(torch, kind)) for kind in KINDS})
    line = torch.arange(12.0)
    save(
        "views",
        {
            "all": line, "part": line[2:5], "step": line[::3], "turned": line.view(3, 4).t(), "row": line.expand(2, 12),
            "none": torch.empty(0), "one": torch.tensor(3.0), "parameter": nn.Parameter(line), "size": line.shape,
            "device": torch.device("cpu"), "kind": torch.float32,
        },
    )  # fmt: skip
    save("sparse", {"coo": torch.eye(3).to_sparse(), "csr": torch.eye(3).to_sparse_csr()})
    save("quantized", torch.quantize_per_tensor(torch.randn(2, 3), 0.1, 0, torch.qint8))
    save(
        "channels",
        torch.quantize_per_channel(
            torch.randn(2, 3), torch.tensor([0.1, 0.2]), torch.tensor([0, 0]), 0, torch.qint8
        ),
    )


def checkpoints() -> None:
    net = Net()
    save("state", net.state_dict())
    for kind in (
        torch.optim.SGD,
        torch.optim.Adam,
        torch.optim.AdamW,
        torch.optim.RMSprop,
        torch.optim.Adagrad,
    ):
        optimizer = kind(net.body.parameters(), lr=0.1)
        net.body(torch.rand(3, 4)).sum().backward()
        optimizer.step()
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=9, cycle_momentum=False)
        checkpoint = {
            "epoch": 1,
            "global_step": 10,
            "pytorch-lightning_version": "2.5.0",
            "state_dict": net.state_dict(),
            "optimizer_states": [optimizer.state_dict()],
            "lr_schedulers": [schedule.state_dict()],
            "hyper_parameters": {"lr": 1e-3, "name": "x", "layers": [1, 2]},
            "callbacks": collections.OrderedDict(best=torch.tensor(1.0)),
            "rng": torch.get_rng_state(),
            "best": np.float64(0.5),
        }
        save(f"checkpoint-{kind.__name__}", checkpoint)
    save(
        "module",
        nn.Sequential(
            nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2, 2)
        ),
    )
    save("transformer", nn.TransformerEncoderLayer(4, 2))


def compiled() -> None:
    net = Net().eval()
    scripted = torch.jit.script(net)
    scripted.save(OUT / "scripted.pt", _extra_files={"labels.txt": "a\nb\n", "config.json": "{}"})
    scripted._save_for_lite_interpreter(str(OUT / "mobile.ptl"), _extra_files={"labels.txt": "a\n"})
    torch.jit.freeze(scripted).save(OUT / "frozen.pt")
    torch.jit.trace(net.body, torch.rand(2, 4)).save(OUT / "traced.pt")
    torch.jit.script(
        nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, batch_first=True), 2).eval()
    ).save(OUT / "encoder.pt")
    torch.jit.script(nn.LSTM(3, 4)).save(OUT / "recurrent.pt")
    lowered = torch.ao.quantization.quantize_dynamic(
        nn.Sequential(nn.Linear(4, 3)), {nn.Linear}, dtype=torch.qint8
    )
    torch.jit.script(lowered).save(OUT / "lowered.pt")


def exported() -> None:
    batch = torch.export.Dim("batch", min=2, max=64)
    rows = torch.rand(4, 4)
    net = Net().eval()
    torch.export.save(
        torch.export.export(net.body, (rows,)), OUT / "fixed.pt2", extra_files={"note.txt": "x"}
    )
    torch.export.save(
        torch.export.export(net.body, (rows,), dynamic_shapes=({0: batch},)), OUT / "varying.pt2"
    )
    torch.export.save(torch.export.export(net, (rows,)), OUT / "named.pt2")


if __name__ == "__main__":
    states()
    checkpoints()
    compiled()
    exported()
