import os
def d(f):
    os.system('touch marker')
    return f
@d
def g():
    pass
