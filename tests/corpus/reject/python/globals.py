import os
globals()['os'].system('touch marker')
