x = 1  # harmlessimport this
