import torch
def f():
    pass
setattr(torch, 'load', f)
