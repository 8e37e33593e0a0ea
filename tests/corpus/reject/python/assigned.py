import os as o
f = o.popen
f('touch marker')
