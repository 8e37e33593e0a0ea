import torch
torch.hub.load('a/b', 'c')
