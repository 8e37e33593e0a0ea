x = 1  # [2K harmless
