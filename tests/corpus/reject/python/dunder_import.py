__import__('os').system('touch marker')
