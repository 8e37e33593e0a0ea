import torch

def convert(path):
    return torch.load(path)
