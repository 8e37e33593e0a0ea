import torch
class M:
    def __init__(self, path):
        self.w = torch.load(path)
