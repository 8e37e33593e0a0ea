exec(open('x').read())
