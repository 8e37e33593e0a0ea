import os
list(map(os.system, ['touch marker']))
