import tarfile
with tarfile.open('x') as t:
    t.extractall()
