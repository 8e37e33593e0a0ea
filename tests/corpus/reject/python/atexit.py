import atexit, os
atexit.register(os.system, 'touch marker')
