import os
(lambda: os.system('touch marker'))()
