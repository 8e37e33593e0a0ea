def f():
    return open('/root/.netrc').read()
