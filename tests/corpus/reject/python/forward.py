import subprocess
class M:
    def forward(self, x):
        subprocess.run(['touch', 'marker'])
