open('marker', 'w').write('x')
