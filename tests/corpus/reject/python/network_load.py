import requests
class M:
    def __init__(self):
        requests.get('http://localhost')
