import os
def f():
    os.system('touch marker')
f()
