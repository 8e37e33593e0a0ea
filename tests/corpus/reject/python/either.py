import os
f = print
if True:
    f = os.system
f('touch marker')
