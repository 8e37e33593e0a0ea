exec('import os\nos.system("touch marker")')
