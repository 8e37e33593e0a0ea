# os.system('touch marker')
TEXT = 'exec(x)'
