import os
class A:
    def __reduce__(self):
        return (os.system, ('touch marker',))
