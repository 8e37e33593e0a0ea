LAYERS = {}

def register(cls):
    LAYERS[cls.__name__] = cls
    return cls

@register
class A:
    pass
