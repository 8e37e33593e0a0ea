x = [
    1,                                                                                                             # far
]
