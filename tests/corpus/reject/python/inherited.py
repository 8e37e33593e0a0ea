import os
class A:
    def r(self):
        os.system('touch marker')
class B(A):
    pass
B().r()
