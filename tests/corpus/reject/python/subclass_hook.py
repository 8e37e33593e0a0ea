import os
class M:
    def __init_subclass__(c):
        os.system('touch marker')
class B(M):
    pass
