import shutil
shutil.rmtree('/nothing')
