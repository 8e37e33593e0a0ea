def sуstem():
    pass
