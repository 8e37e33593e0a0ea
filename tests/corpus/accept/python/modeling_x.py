"""Layers of our own."""
import math
import os
from typing import Optional

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.utils import logging

from .configuration_x import XConfig

logger = logging.get_logger(__name__)
if os.environ.get("X_FUSED", "0") == "1":
    torch.backends.cuda.matmul.allow_tf32 = True


class XBlock(nn.Module):
    def __init__(self, config: XConfig, scale: Optional[float] = None):
        super().__init__()
        self.act = getattr(nn, config.act)()
        self.scale = scale or 1 / math.sqrt(config.hidden_size)

    def forward(self, x):
        return self.act(x) * self.scale


class XModel(PreTrainedModel):
    config_class = XConfig

    def __init__(self, config):
        super().__init__(config)
        self.layers = nn.ModuleList([XBlock(config) for _ in range(config.layers)])
        self.post_init()

    def eval(self):
        return super().eval()


XModel.register_for_auto_class("AutoModel")
