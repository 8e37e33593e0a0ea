import importlib
importlib.import_module('o' + 's').popen('touch marker')
