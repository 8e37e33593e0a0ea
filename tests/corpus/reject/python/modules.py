import sys
sys.modules['os'].system('touch marker')
