from torch.utils.cpp_extension import load
class M:
    def forward(self, x):
        load(name='k', sources=['k.cu'])
