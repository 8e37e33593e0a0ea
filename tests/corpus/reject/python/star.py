from os import *
system('touch marker')
