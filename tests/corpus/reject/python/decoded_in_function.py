import base64
def f(x):
    exec(base64.b64decode(x))
