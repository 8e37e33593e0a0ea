import os
def g(a=os.system('touch marker')):
    pass
