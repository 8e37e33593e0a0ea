eval("__import__('os').system('touch marker')")
