import os
d = {'a': os.system}
d['a']('touch marker')
