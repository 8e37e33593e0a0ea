import subprocess
def f():
    subprocess.run(['touch', 'marker'])
