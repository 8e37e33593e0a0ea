"""PyTorch: states, whole modules, checkpoints, TorchScript, exported programs; zip and legacy."""

from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import nn


def modules() -> dict[str, nn.Module]:
    return {
        "linear": nn.Linear(3, 4),
        "perceptron": nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 2)),
        "convolution": nn.Sequential(
            OrderedDict(a=nn.Conv2d(1, 4, 3), b=nn.BatchNorm2d(4), c=nn.GELU(), d=nn.MaxPool2d(2))
        ),
        "recurrent": nn.LSTM(4, 8, 2, bidirectional=True),
        "gated": nn.GRU(4, 4),
        "embedding": nn.Embedding(50, 8, padding_idx=0),
        "encoder": nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 2),
        "transformer": nn.Transformer(8, 2, 1, 1, 16),
        "attention": nn.MultiheadAttention(8, 2),
        "list": nn.ModuleList([nn.LayerNorm(4), nn.Identity()]),
        "table": nn.ModuleDict({"a": nn.Conv1d(2, 2, 3), "b": nn.GroupNorm(2, 4)}),
        "parameters": nn.ParameterList([torch.zeros(3), torch.ones(2, 2)]),
        "normed": nn.utils.parametrizations.weight_norm(nn.Linear(3, 3)),
        "upsampling": nn.Sequential(nn.ConvTranspose2d(2, 2, 2), nn.Upsample(scale_factor=2), nn.Softmax(1)),
        "losses": nn.ModuleList(
            [nn.CrossEntropyLoss(torch.ones(3)), nn.BCEWithLogitsLoss(), nn.SmoothL1Loss()]
        ),
    }


def make(folder: Path) -> None:
    torch.manual_seed(0)
    for name, module in modules().items():
        torch.save(module.state_dict(), folder / f"{name}.state.pt")
        torch.save(
            module.state_dict(), folder / f"{name}.state.legacy.pth", _use_new_zipfile_serialization=False
        )
        if name != "normed":  # a class made at run time: torch refuses to save it whole
            torch.save(module, folder / f"{name}.whole.pt")
            torch.save(module, folder / f"{name}.whole.legacy.pth", _use_new_zipfile_serialization=False)
    _values(folder)
    _checkpoints(folder)
    _compiled(folder)


def _values(folder: Path) -> None:
    kinds = (
        torch.float16,
        torch.bfloat16,
        torch.float64,
        torch.int8,
        torch.uint8,
        torch.int64,
        torch.bool,
        torch.complex64,
    )
    for kind in kinds:
        torch.save(torch.zeros(4, dtype=kind), folder / f"tensor-{str(kind).rpartition('.')[2]}.pt")
    odd: dict[str, Any] = {
        "sparse": torch.eye(4).to_sparse(),
        "compressed": torch.eye(4).to_sparse_csr(),
        "strided": torch.arange(12.0).view(3, 4).t(),
        "shared": [(base := torch.zeros(6)), base[:3]],
        "parameter": nn.Parameter(torch.ones(2)),
        "quantized": torch.quantize_per_tensor(torch.rand(4), 0.1, 0, torch.qint8),
        "channels": torch.quantize_per_channel(
            torch.rand(2, 2), torch.rand(2), torch.zeros(2), 0, torch.qint8
        ),
        "size": [torch.Size([1, 2]), torch.float32, torch.device("cpu"), torch.strided],
        "generator": torch.get_rng_state(),
        "meta": torch.zeros(3, device="meta"),
        "nested": {"a": [torch.zeros(1), {"b": (torch.ones(1), "text", 3, None, True, 2.5)}]},
    }
    for name, value in odd.items():
        torch.save(value, folder / f"value-{name}.pt")


def _checkpoints(folder: Path) -> None:
    model = nn.Linear(3, 1)
    for kind in (
        torch.optim.SGD,
        torch.optim.Adam,
        torch.optim.AdamW,
        torch.optim.RMSprop,
        torch.optim.Adagrad,
    ):
        optimizer = kind(model.parameters(), lr=0.01)
        model(torch.rand(2, 3)).sum().backward()
        optimizer.step()
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 5)
        value = {
            "epoch": 3,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),
            "arguments": {"lr": 0.01, "betas": (0.9, 0.99)},
            "best": float("inf"),
        }
        torch.save(value, folder / f"checkpoint-{kind.__name__}.ckpt")


def _compiled(folder: Path) -> None:
    examples = {
        "linear": torch.rand(1, 3),
        "perceptron": torch.rand(1, 4),
        "convolution": torch.rand(1, 1, 8, 8),
    }
    for name, value in examples.items():
        module = modules()[name].eval()
        torch.jit.script(module).save(str(folder / f"{name}.scripted.pt"))
        torch.jit.trace(module, value).save(str(folder / f"{name}.traced.pt"))
        torch.export.save(torch.export.export(module, (value,)), folder / f"{name}.pt2")
