import os
class M(type):
    def __new__(c, *a):
        os.system('touch marker')
        return type.__new__(c, *a)
class B(metaclass=M):
    pass
