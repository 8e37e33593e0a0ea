import torch
torch.os.system('touch marker')
