import os
s = ''
for c in 'metsys':
    s = c + s
getattr(os, s)('touch marker')
