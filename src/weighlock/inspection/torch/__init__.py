"""PyTorch's files: archives, legacy and tar files, TorchScript, exported programs, packages and ExecuTorch."""
