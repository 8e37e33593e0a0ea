from subprocess import run as r
r(['touch', 'marker'])
