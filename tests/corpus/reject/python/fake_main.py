import os
__name__ = '__main__'
if __name__ == '__main__':
    os.system('touch marker')
