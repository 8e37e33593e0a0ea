import torch
torch.load = lambda *a: None
