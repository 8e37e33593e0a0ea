import functools, os
functools.partial(os.system, 'touch marker')()
