import importlib.util
s = importlib.util.spec_from_file_location('a', 'b')
m = importlib.util.module_from_spec(s)
s.loader.exec_module(m)
