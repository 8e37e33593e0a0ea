class M:
    def forward(self, x):
        return eval(x)
